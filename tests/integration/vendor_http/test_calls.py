"""What is asked, what is read, and which connections serve again."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.vendor_http.errors import Malformed, VendorHttpError
from llm_gateway.adapters.outbound.vendor_http.framing import JsonLines

from ..scripted_vendor import LAST, Answer, Cut, Hold, Reset, Step, Wait, chunk, head, whole
from ..waiting import eventually
from .calls import BODY, PATH, Way, both_ways, by_stream, by_whole, events_of, served, stream_of

EVENTS = (b'data: {"a":1}\r\n\r\n', b'data: {"b":2}\r\n\r\n')
READ = [b'{"a":1}', b'{"b":2}']


@both_ways
async def test_what_is_asked_is_what_was_said_and_nothing_else(way: Way) -> None:
    async with served(Answer(EVENTS), headers={"X-Key": "secret"}) as (server, http, clock):
        await way(http, clock)

        (asked,) = server.asked
        assert (asked.method, asked.path, asked.content) == ("POST", PATH, BODY)
        assert asked.headers == {
            "host": server.url.removeprefix("http://"),
            "accept": "*/*",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "content-length": str(len(BODY)),
            "user-agent": "llm-gateway-core",
            "x-key": "secret",
        }


async def test_a_call_may_have_headers_of_its_own() -> None:
    async with served(Answer(EVENTS), headers={"X-Key": "secret"}) as (server, http, clock):
        await http.whole("GET", "/v1/models?page=2", headers={"traceparent": "00-1"}, until=clock.monotonic() + 1.0)
        await events_of(stream_of(http, clock, headers={"traceparent": "00-2"}))

        assert [asked.headers["traceparent"] for asked in server.asked] == ["00-1", "00-2"]
        assert [asked.headers["x-key"] for asked in server.asked] == ["secret"] * 2
        assert (server.asked[0].method, server.asked[0].path) == ("GET", "/v1/models?page=2")
        assert server.asked[0].content == b""


@pytest.mark.parametrize("framed", [True, False])
async def test_a_whole_answer_is_its_bytes(framed: bool) -> None:
    for body in (b"", b"{}", b"x" * 300_000):
        async with served(Answer((body,), framed=framed)) as (_, http, clock):
            assert await by_whole(http, clock) == body


async def test_a_request_longer_than_a_mebibyte_arrives_as_it_is() -> None:
    body = bytes(range(256)) * 8_192 + b"end"
    async with served(whole(b"ok")) as (server, http, clock):
        assert await http.whole("POST", PATH, body, until=clock.monotonic() + 1.0) == b"ok"

        assert server.asked[0].content == body


async def test_nothing_is_sent_before_the_first_event_is_asked_for() -> None:
    async with served(Answer(EVENTS)) as (server, http, clock):
        await stream_of(http, clock).aclose()

        assert server.connections == 0


async def test_the_events_of_a_read_come_together_and_each_as_soon_as_it_is_whole() -> None:
    more, last = asyncio.Event(), asyncio.Event()
    script = (b"".join(EVENTS) + b"data: ", Wait(more), b"3\n\n", Wait(last), b"data: 4")
    async with served(Answer(script)) as (_, http, clock):
        stream = stream_of(http, clock)

        assert await stream.next() == READ
        more.set()
        assert await stream.next() == [b"3"]
        last.set()
        assert await stream.next() == [b"4"]
        assert await stream.next() is None
        assert await stream.next() is None


async def test_json_lines_are_a_framing_too() -> None:
    async with served(Answer((b'{"a":1}\n{"b"', b":2}\n"))) as (_, http, clock):
        assert await events_of(stream_of(http, clock, framing=JsonLines())) == [b'{"a":1}', b'{"b":2}']


@both_ways
async def test_an_answer_that_was_read_to_its_end_leaves_its_connection_to_the_next(way: Way) -> None:
    async with served(Answer(EVENTS)) as (server, http, clock):
        for _ in range(3):
            await way(http, clock)

        assert len(server.asked) == 3
        assert server.connections == 1


async def test_a_drained_stream_leaves_its_connection_to_the_next() -> None:
    end = asyncio.Event()
    async with served((head(), chunk(EVENTS[0]), Wait(end), LAST), Answer(EVENTS)) as (server, http, clock):
        stream = stream_of(http, clock)
        assert await stream.next() == READ[:1]
        draining = asyncio.create_task(stream.drain(2.0))
        end.set()
        await draining
        await stream.aclose()
        await by_stream(http, clock)

        assert server.connections == 1


@pytest.mark.parametrize("then", [Reset(), Cut(), b"data: x\n\n", b"no chunk"])
async def test_what_a_drained_stream_ends_with_does_not_matter(then: Step) -> None:
    read = asyncio.Event()
    async with served((head(), chunk(EVENTS[0]), Wait(read), then, Cut())) as (server, http, clock):
        stream = stream_of(http, clock)
        assert await stream.next() == READ[:1]
        read.set()

        await stream.drain(2.0)
        await stream.aclose()

        await eventually(lambda: not server.open_calls)


@both_ways
@pytest.mark.parametrize("end", [Cut(), Reset()])
async def test_an_answer_cut_at_any_byte_is_never_taken_for_whole(way: Way, end: Cut | Reset) -> None:
    text = head(headers={"X": "y"}) + b"".join(map(chunk, EVENTS)) + LAST
    async with served(*((text[:place], end) for place in range(len(text)))) as (server, http, clock):
        for _ in text:
            with pytest.raises(VendorHttpError):
                await way(http, clock)

        assert len(server.asked) == len(text)


@both_ways
async def test_an_answer_whose_length_is_told_is_not_whole_before(way: Way) -> None:
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + EVENTS[0]
    async with served((text, Cut())) as (_, http, clock):
        with pytest.raises(VendorHttpError):
            await way(http, clock)


@both_ways
async def test_an_answer_in_single_bytes_is_the_same(way: Way) -> None:
    text = head() + b"".join(map(chunk, EVENTS)) + LAST
    async with served([text[place : place + 1] for place in range(len(text))], Answer(EVENTS)) as (_, http, clock):
        assert await way(http, clock) == await way(http, clock)


@both_ways
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity", "nonsense"])
async def test_an_encoding_that_was_not_asked_for_is_malformed(way: Way, encoding: str) -> None:
    answer = Answer((b"data: 1\n\n", Hold()), headers={"Content-Encoding": encoding})
    async with served(answer) as (server, http, clock):
        with pytest.raises(Malformed):
            await way(http, clock)

        await eventually(server.left.is_set, within=0.5)


@both_ways
@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        head() + b"zz\r\nabc\r\n",
        head() + b"3\r\nabcdef\r\n0\r\n\r\n",
        head() + b"-1\r\nabc\r\n",
        head() + b"fffffffffffffffffffff\r\nabc\r\n",
    ],
)
async def test_what_is_no_http_is_an_error_and_ends_the_connection(way: Way, text: bytes) -> None:
    async with served((text, Hold())) as (server, http, clock):
        with pytest.raises(VendorHttpError):
            await way(http, clock)

        await eventually(server.left.is_set, within=0.5)


@both_ways
async def test_a_body_that_goes_on_malformed_ends_the_call_at_once(way: Way) -> None:
    began = asyncio.Event()
    async with served((head(), chunk(b"dat"), Wait(began), b"no chunk\r\n", Hold())) as (server, http, clock):
        asking = asyncio.create_task(way(http, clock))
        await eventually(lambda: server.sent)
        for _ in range(50):  # until the beginning has been read
            await asyncio.sleep(0.001)
        began.set()

        with pytest.raises(VendorHttpError):
            await asking
        await eventually(server.left.is_set, within=0.5)
