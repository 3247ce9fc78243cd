"""A connection's bounds, and the corners of HTTP that a server is attacked in."""

import asyncio
import resource
from unittest.mock import Mock

import pytest

from llm_gateway.adapters.inbound.http.server.protocol import Bounds
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import settle

from ...waiting import HANG_SECONDS, pass_time
from ..served import Serve, Served, eventually, stopped_clock

TIGHT = Bounds(head_seconds=0.1, rest_seconds=0.1)


async def test_a_head_that_drips_is_closed(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), bounds=TIGHT)
    wire = await served.connect()

    async def drip() -> None:
        await wire.send(b"GET /health HTTP/1.1\r\n")
        while True:
            await wire.send(b"x-a: b\r\n")
            await asyncio.sleep(0.005)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(HANG_SECONDS):
        assert await wire.rest() == b""
    dripping.cancel()


async def test_a_connection_that_says_nothing_is_closed(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), bounds=TIGHT)
    wire = await served.connect()

    async with asyncio.timeout(HANG_SECONDS):
        assert await wire.rest() == b""


async def test_a_head_of_50_mb_is_cut_off_with_bounded_memory(served: Served) -> None:
    wire = await served.connect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await wire.send(b"GET /health HTTP/1.1\r\nx-a: ")
    sent = 0
    while sent < 50_000_000 and not wire.writer.is_closing() and not wire.reader.at_eof():
        await wire.send(b"a" * 100_000)
        sent += 100_000
        await asyncio.sleep(0)

    assert sent < 20_000_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 40_000  # KiB
    await eventually(lambda: not served.server.server_state.connections)


async def test_too_many_header_fields_are_a_400(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"a:b\r\n" * 1_000 + b"\r\n")

    assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("parts", [1, 2, 50])
@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 431)])
async def test_a_head_may_have_64_kib(served: Served, size: int, status: int, parts: int) -> None:
    start = b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-a: "
    head = start + b"a" * (size - len(start) - 4) + b"\r\n\r\n"
    wire = await served.connect()

    for at in range(0, size, -(-size // parts)):
        await wire.send(head[at : at - (-size // parts)])
        await asyncio.sleep(0)
    answered, headers, body = await wire.answer()

    assert answered == status
    assert headers["x-content-type-options"] == "nosniff"
    if status == 431:
        assert body == b"The head of a request may have 65536 bytes."
        assert await wire.rest() == b""


@pytest.mark.parametrize("short", range(6))
async def test_a_head_may_end_in_the_read_that_brings_a_large_body(served: Served, short: int) -> None:
    body = b" " * 200_000
    request = served.request("POST", "/api/v1/chat", body)
    end = len(request) - len(body) - short
    wire = await served.connect()
    await wire.send(request[:end])
    await served.client.get("/health")

    await wire.send(request[end:])

    assert (await wire.answer())[0] == 400


async def test_a_body_does_not_count_as_head(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.request("POST", "/api/v1/chat", b" " * 200_000, content_length="200000"))

    assert (await wire.answer())[0] == 400


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"5\r\nhelloXX", b"-1\r\n", b"ffffffffffffffffff\r\n"])
async def test_a_malformed_chunk_is_400_and_closed(served: Served, model: ScriptedChatModel, chunk: bytes) -> None:
    wire = await served.connect()
    await wire.send(served.request(content_length="", transfer_encoding="chunked") + b"1\r\n{\r\n")
    await served.client.get("/health")
    await wire.send(chunk)

    answer = await wire.rest()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"x-content-type-options: nosniff" in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert model.calls == []
    await eventually(lambda: len(served.server.server_state.connections) == 1)


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "foo", "chunked, chunked", "chunked, gzip"])
async def test_other_transfer_codings_are_400(served: Served, model: ScriptedChatModel, coding: str) -> None:
    body = served.chat_request().partition(b"\r\n\r\n")[2]
    wire = await served.connect()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    await wire.send(served.request(content_length="", transfer_encoding=coding) + chunked)

    assert (await wire.answer())[0] == 400
    assert model.calls == []


async def test_two_requests_on_one_connection(served: Served) -> None:
    wire = await served.connect()

    for _ in range(2):
        await wire.send(served.chat_request())
        assert (await wire.answer())[0] == 200


async def test_a_whole_answer_is_one_write(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.chat_request())
    await wire.answer()
    (connection,) = served.server.server_state.connections
    writes: list[bytes] = []
    connection.transport = Mock(wraps=connection.transport, write=writes.append)

    await wire.send(served.chat_request())

    await eventually(lambda: writes)
    assert [data[:12] for data in writes] == [b"HTTP/1.1 200"]
    assert b"x-gateway-cache: hit\r\n" in writes[0]
    assert writes[0].endswith(b"}")


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.chat_request() + served.request("GET", "/health") + served.request("GET", "/nowhere"))

    assert [(await wire.answer())[0] for _ in range(3)] == [200, 200, 404]


@pytest.mark.parametrize("stray", [b"\r\n", b"GET /hea"])
async def test_what_comes_of_a_next_request_does_not_cut_the_answer(
    start: Serve, stray: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Whole.")])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request())
    await eventually(lambda: model.open_calls)
    await wire.send(stray)
    await eventually(lambda: any(open._arrival for open in served.server.server_state.connections))  # type: ignore[union-attr]
    pass_time(monkeypatch, 2 * Bounds().head_seconds)
    await settle()
    await clock.advance(1)

    assert b"Whole." in (await wire.answer())[2]


async def test_garbage_after_a_request_is_never_written_into_its_answer(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [Wait(1)])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.chat_request())
    await eventually(lambda: model.open_calls)

    await wire.send(b"\x00\x01 garbage\r\n\r\n")

    assert await wire.rest() == b""
    await eventually(lambda: not model.open_calls)


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_left_of_an_answered_request_s_body_is_not_waited_for(
    start: Serve, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await start(ScriptedChatModel(stopped_clock()))
    wire = await served.connect()
    length = {"content_length": "", "transfer_encoding": "chunked"} if chunked else {"content_length": "1000000"}
    await wire.send(served.request("POST", "/api/v1/chat", b"", x_api_key="wrong", **length))
    part = b"5\r\nhello\r\n" if chunked else b"hello"

    async def drip() -> None:
        while True:
            await wire.send(part)
            await asyncio.sleep(0.005)

    assert (await wire.answer())[0] == 401
    dripping = asyncio.create_task(drip())
    pass_time(monkeypatch, 2 * Bounds().rest_seconds)
    assert await wire.rest() == b""
    dripping.cancel()


async def test_an_answered_request_s_body_may_end_and_the_connection_goes_on(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.request(x_api_key="wrong", content_length="10"))
    assert (await wire.answer())[0] == 401

    await wire.send(b"0123456789" + served.request("GET", "/health"))

    assert (await wire.answer())[0] == 200


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(served: Served) -> None:
    request = served.chat_request()
    head, _, body = request.partition(b"\r\n\r\n")
    wire = await served.connect()
    await wire.send(head + b"\r\nexpect: 100-continue\r\n\r\n")
    assert await wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

    await wire.send(body)

    assert (await wire.answer())[0] == 200


@pytest.mark.parametrize(("headers", "status"), [({"x_api_key": "wrong"}, 401), ({"content_length": "40000000"}, 413)])
async def test_a_client_that_asks_in_vain_is_answered_and_closed(
    served: Served, headers: dict[str, str], status: int
) -> None:
    wire = await served.connect()
    await wire.send(
        served.request("POST", "/api/v1/chat", b"", **({"content_length": "1000", "expect": "100-continue"} | headers))
    )

    assert (await wire.answer())[0] == status
    rest = asyncio.create_task(wire.rest())
    await eventually(rest.done, within=1)
    assert rest.result() == b""


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        b"content-length: -5\r\n",
        b"content-length: +5\r\n",
        b"content-length: 99999999999999999999999\r\n",
        b"x-a: b\rx-b: c\r\n",
        b"x-a : b\r\n",
        b"x-a: a\x00b\r\n",
    ],
)
async def test_an_ambiguous_head_is_400_and_closed(served: Served, model: ScriptedChatModel, head: bytes) -> None:
    start = (
        b"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nx-api-key: test-key-1\r\ncontent-type: application/json\r\n"
    )
    wire = await served.connect()
    await wire.send(start + head + b"\r\nhello")

    answer = await wire.rest()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert model.calls == []


async def test_fields_after_a_body_say_nothing(served: Served) -> None:
    body = served.chat_request().partition(b"\r\n\r\n")[2]
    chunked = b"%x\r\n%b\r\n0\r\nx-gateway-hint: best\r\nx-gateway-timeout: 0\r\n\r\n" % (len(body), body)
    wire = await served.connect()
    await wire.send(served.request(content_length="", transfer_encoding="chunked") + chunked)

    assert (await wire.answer())[0] == 200


async def test_an_older_client_is_answered_and_closed(served: Served) -> None:
    request = served.chat_request().replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    wire = await served.connect()
    await wire.send(request)

    answer = await wire.rest()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
async def test_an_upgrade_is_not_taken(served: Served, upgrade: str) -> None:
    wire = await served.connect()
    await wire.send(served.request("GET", "/health", connection="upgrade", upgrade=upgrade))

    assert (await wire.answer())[0] == 200


async def test_an_absolute_target_is_read_as_its_path(served: Served) -> None:
    wire = await served.connect()
    await wire.send(served.request("GET", f"http://127.0.0.1:{served.port}/health"))

    assert (await wire.answer())[0] == 200
