"""The parts of a body that need not wait go past `send`, and are written as `send` writes them."""

from typing import Any, cast

import pytest
from litestar.types import HTTPScope, Receive, Scope, Send

from llm_gateway.adapters.inbound.http.common.presence import OpenBody, presence_of

from .connections import GET, Connection

START: Any = {"type": "http.response.start", "status": 200, "headers": []}


def part(data: bytes, *, more: bool = True) -> Any:
    return {"type": "http.response.body", "body": data, "more_body": more}


class Streaming:
    """Sends a body of three parts, the second of them past `send` where `straight`."""

    def __init__(self, *, straight: bool) -> None:
        self._straight = straight
        self.free: list[bool] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        presence = presence_of(cast("HTTPScope", scope))
        body = None if presence is None else presence.body
        await send(START)
        self.tell(body)
        await send(part(b"one"))
        self.tell(body)
        if self._straight and body is not None:
            body.write(b"two")
        else:
            await send(part(b"two"))
        await send(part(b"three", more=False))
        self.tell(body)

    def tell(self, body: OpenBody | None) -> None:
        if body is not None:
            self.free.append(body.free)


@pytest.mark.parametrize("request_", [GET, GET.replace(b"host: a", b"connection: close")], ids=["kept", "close"])
async def test_a_part_is_written_as_uvicorn_writes_it(request_: bytes) -> None:
    app = Streaming(straight=True)
    written = b"".join(await Connection(app).ask(request_))
    assert written == b"".join(await Connection(Streaming(straight=False), ours=False).ask(request_))
    assert app.free == [False, True, False]


async def test_nothing_is_written_past_a_client_that_does_not_read_or_has_left() -> None:
    free: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        presence = presence_of(cast("HTTPScope", scope))
        assert presence is not None
        assert presence.body is not None
        body = presence.body
        await send(START)
        await send(part(b"one"))
        for step in (connection.protocol.pause_writing, connection.protocol.resume_writing, connection.lose):
            step()
            free.append(body.free)
        assert presence.body is None

    connection = Connection(app)
    await connection.ask(GET)
    assert free == [False, True, False]
