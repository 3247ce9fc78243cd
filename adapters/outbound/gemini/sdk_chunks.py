"""One answer of the SDK's, read as it comes, in our own types and errors."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import aiohttp
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai import types
from typing_extensions import override

from llm_gateway.application.ports.system import Clock

from ..vendor_http.errors import HttpRefusal, Unconnected
from ..vendor_http.session import neutral
from .sdk_session import Upstream
from .transport import GeminiChunks
from .wire import ANSWERS, GenerateContentResponse, read

REPLACED: Final = types.Content(parts=[types.Part(text="")])
"""The SDK asks for contents of its own type, each of which it converts for up to half a millisecond, and encodes a body
of 1 MiB for 14 ms, on the event loop. The session puts ours in its place.
"""


class Patience:
    """How long one call may keep us waiting. The time between two waits is the reader's, and is not counted."""

    def __init__(self, clock: Clock, until: float) -> None:
        self.until = until
        self._clock = clock
        self._left: float | None = None

    def begin(self, seconds: float) -> float:
        """When the next wait is over. Raises `TimeoutError` where it is already, as for a stream without pauses."""
        now = self._clock.monotonic()
        if self._left is not None:
            self.until += now - self._left
            self._left = None
        until = min(self.until, now + seconds)
        if now >= until:
            raise TimeoutError
        return until

    def end(self) -> None:
        self._left = self._clock.monotonic()


class SdkChunks(GeminiChunks):
    def __init__(
        self,
        models: Any,
        clock: Clock,
        model: str,
        config: types.GenerateContentConfigDict,
        upstream: Upstream,
        until: float,
    ) -> None:
        self._models = models
        self._clock = clock
        self._model = model
        self._config = config
        self._patience = Patience(clock, until)
        self._upstream = upstream
        self._chunks: AsyncIterator[types.GenerateContentResponse] | None = None

    @property
    @override
    def until(self) -> float:
        return self._patience.until

    @override
    async def next(self, idle: float, by: float | None = None) -> Sequence[GenerateContentResponse] | None:
        seconds = idle if by is None else by - self._clock.monotonic()
        try:
            with told_neutrally(), self._upstream.attached():
                async with self._clock.timeout_at(self._patience.begin(seconds)):
                    if self._chunks is None:
                        self._chunks = await self._models.generate_content_stream(
                            model=self._model, contents=REPLACED, config=self._config
                        )
                    chunk = await anext(self._chunks, None)
        finally:
            self._patience.end()
        return None if chunk is None else (wired(chunk),)

    @override
    async def aclose(self) -> None:
        self._upstream.close()
        if self._chunks is not None and self._upstream.opened:
            # The SDK's generators run into the closed connection and end; closed from outside they would wait for
            # a garbage collection (python-genai #2425).
            with suppress(Exception):
                await anext(self._chunks, None)


def wired(reply: types.GenerateContentResponse) -> GenerateContentResponse:
    kept = reply.model_dump(by_alias=True, exclude_none=True, exclude={"sdk_http_response", "parsed"}, warnings=False)
    return read(ANSWERS, json.dumps(kept, default=_base64).encode())


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError


@contextmanager
def told_neutrally() -> Iterator[None]:
    try:
        yield
    except TransportError:
        raise Unconnected("no credentials could be asked for") from None
    except GoogleAuthError:
        raise HttpRefusal(401) from None
    except aiohttp.ClientError as error:
        raise neutral(error) from None
