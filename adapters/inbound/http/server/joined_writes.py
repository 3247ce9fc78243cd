"""An answer's head in one write with its body, or with the first of it, where uvicorn writes them apart.

uvicorn searches the name and the value of each header field for what may not stand there; here one look serves all.
"""

import string
from collections.abc import Awaitable
from functools import lru_cache
from operator import itemgetter
from typing import cast

from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ..common.presence import OpenBody

_NAME = (string.ascii_lowercase + string.digits + "!#$%&'*+-.^_`|~").encode()
"""What uvicorn writes as a name of a field (RFC 9110), without what it would make lower case."""
_VALUE = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))
_LENGTH = b"content-length"
_name_of = itemgetter(0)
_CHUNKED = (b"transfer-encoding", b"chunked")


@lru_cache(256)
def _are_plain(names: tuple[bytes, ...], more: bool) -> bool:
    """Almost all answers have the names of one before them."""
    once = frozenset(names)
    odd = b"transfer-encoding" in once or b"connection" in once or (_LENGTH in once) is more
    return not (odd or len(once) < len(names) or b"".join(names).translate(None, _NAME))


class JoinedWrites(OpenBody):
    """Stands between the application and uvicorn's cycle for one request.

    ASGI has a server send a head no sooner than the first of the body, so it is held until then. What is no plain
    answer, of the length that it states or in chunks, on a connection that goes on, is left to uvicorn.
    """

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self.app = app
        self.cycle = cycle
        self.start: HTTPResponseStartEvent | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self.app(scope, receive, self.send)

    async def send(self, message: Message) -> None:
        start = self.start
        if start is None:
            if message["type"] == "http.response.start" and not self.cycle.response_started:
                self.start = message
                return
        else:
            self.start = None
            if message["type"] == "http.response.body":
                more = message.get("more_body", False)
                data = self._joined(start, message.get("body", b""), more=more)
                if data is not None:
                    self._write(data, more=more)
                    return
            await self.cycle.send(cast("ASGISendEvent", start))
        await self.cycle.send(cast("ASGISendEvent", message))

    def take_sent(self) -> bytes:
        """The whole body, where it came before it was asked for; once."""
        body, self.cycle.body = self.cycle.body, bytearray()
        return bytes(body)

    @property
    @override
    def free(self) -> bool:
        """As uvicorn has it: a body in chunks has begun."""
        cycle = self.cycle
        return (
            cycle.chunked_encoding is True
            and not cycle.flow.write_paused
            and not (cycle.disconnected or cycle.response_complete)
        )

    @override
    def write(self, part: bytes) -> None:
        self.cycle.transport.write(b"%x\r\n%b\r\n" % (len(part), part))

    def _joined(self, start: HTTPResponseStartEvent, body: bytes, *, more: bool) -> bytes | None:
        """None where anything is unusual."""
        cycle, status = self.cycle, start["status"]
        if cycle.disconnected or cycle.flow.write_paused or not cycle.keep_alive or cycle.access_log:
            return None
        fields = [*cycle.default_headers, *start.get("headers", ())]
        if (
            not _are_plain(tuple(map(_name_of, fields)), more)
            or not (more or (_LENGTH, b"%d" % len(body)) in fields)
            or cycle.scope["method"] == "HEAD"
            or (more and status != 200)
        ):
            return None
        if more:
            fields.append(_CHUNKED)
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else body
        lines = b"\r\n".join(map(b": ".join, fields))
        if lines.translate(None, _VALUE) != b"\r\n" * (len(fields) - 1):
            return None
        return b"".join((STATUS_LINE[status], lines, b"\r\n\r\n", body))

    def _write(self, data: bytes, *, more: bool) -> None:
        cycle = self.cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(data)
        if more:
            cycle.chunked_encoding = True
            return
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
