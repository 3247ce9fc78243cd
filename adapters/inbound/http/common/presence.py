"""Whether a request's client is still there: told by the server where it can, else watched for."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol

from litestar.types import HTTPScope, Receive
from msgspec import Struct

from .requests import ClientLeft

EXTENSION: Final = "llm_gateway.presence"
"""Under `extensions` of a scope stands the `Presence` of its client, where the server tells of it."""


class OpenBody(Protocol):
    """The way to a client past `send`, for a part of a body that need not wait."""

    @property
    @abstractmethod
    def free(self) -> bool:
        """Whether the answer's head and the first of its body are out, and nothing keeps the next part back."""
        ...

    @abstractmethod
    def write(self, part: bytes) -> None:
        """At once, while `free`. One that is not empty, and not the last."""
        ...


class Presence(Struct, eq=False):
    """What a server tells of one request's client beyond ASGI, and does for it.

    `sent`: the whole body is here, and `take_sent` gives it in the place of `receive`, once. `left`: the connection was
    lost before the answer was whole; then `on_left` is called, in the event loop. `body` while an answer may go on,
    and `idle_part` what may be written into it without meaning, once it has begun.
    """

    sent: bool = False
    take_sent: Callable[[], bytes] = bytes
    left: bool = False
    on_left: Callable[[], object] | None = None
    body: OpenBody | None = None
    idle_part: bytes = b""

    def leave(self) -> None:
        self.left = True
        self.body = None
        if self.on_left is not None:
            self.on_left()


def presence_of(scope: HTTPScope) -> Presence | None:
    """None under a server that does not tell."""
    extensions: Any = scope.get("extensions") or {}
    presence: Presence | None = extensions.get(EXTENSION)
    return presence


class WhilePresent:
    """Raises `ClientLeft` out of its block once the client is gone, by cancelling the task in which it was entered.

    No server cancels the work for a client that leaves, and ASGI says so only to a caller of `receive`: under a server
    that does not tell of it otherwise, a task calls it as long as the block lasts.
    """

    def __init__(self, presence: Presence | None, receive: Receive) -> None:
        self._presence = presence or Presence()
        self._receive = None if presence else receive
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._presence.left:
            raise ClientLeft
        self._task = task
        self._presence.on_left = task.cancel
        if self._receive is not None:
            self._watcher = asyncio.create_task(_watch(self._receive, self._presence))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._presence.on_left = None
        if self._watcher is not None:
            self._watcher.cancel()
        if self._presence.left and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            raise ClientLeft from None


async def _watch(receive: Receive, presence: Presence) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    presence.leave()
