"""A client that offers another protocol, as Java's own does with each request, is answered in this one."""

import json

import pytest

from ..served import Served, Wire, chat

H2C = b"\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\nx-api-key: "
WEBSOCKET = b"\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eA==\r\nx-api-key: "
each_offer = pytest.mark.parametrize("offer", [H2C, WEBSOCKET], ids=["h2c", "websocket"])


def offering(request: bytes, offer: bytes) -> bytes:
    return request.replace(b"\r\nx-api-key: ", offer, 1)


async def said(wire: Wire) -> str:
    status, _, body = await wire.answer()
    assert status == 200, body
    return str(json.loads(body).get("content", "health"))


@each_offer
async def test_its_body_is_read_however_it_comes(served: Served, offer: bytes) -> None:
    request = offering(served.chat_request(), offer)
    head, end, body = request.partition(b"\r\n\r\n")
    for parts in ([request], [head + end, body], [head[:80], head[80:] + end + body[:5], body[5:]]):
        wire = await served.connect()
        for part in parts:
            await wire.send(part)
            await served.client.get("/health")
        assert await said(wire) == "A scripted answer."


@each_offer
async def test_a_body_in_chunks_is_read_too(served: Served, offer: bytes) -> None:
    body = json.dumps(chat()).encode()
    head = served.request(content_length="", transfer_encoding="chunked")
    wire = await served.connect()
    await wire.send(offering(head, offer) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) + served.chat_request())
    assert [await said(wire), await said(wire)] == ["A scripted answer."] * 2


@each_offer
async def test_the_connection_goes_on(served: Served, offer: bytes) -> None:
    """Pipelined, and one after the other."""
    wire = await served.connect()
    health = served.request("GET", "/health")
    for request in (health, served.chat_request()):
        await wire.send(offering(request, offer) * 3 + health)
        assert [await said(wire) for _ in range(4)][3] == "health"
    assert served.observer.records[0].error is None
    assert len(served.observer.records) == 3


async def test_a_tunnel_is_refused(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n" + served.request("GET", "/health"))
    assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")


async def test_bounds_hold_for_it_as_for_others(served: Served) -> None:
    for excess, status in ((b"\r\nx: y" * 300, 400), (b"\r\nx: " + b"y" * 70_000, 431)):
        wire = await served.connect()
        await wire.send(offering(served.request("GET", "/health"), excess + H2C))
        assert (await wire.rest()).startswith(b"HTTP/1.1 %d " % status)
