"""One generation: it runs on the engine's thread and is read on the loop."""

import asyncio
from typing import TypeAlias

from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderUnavailable
from llm_gateway.domain.events import ChatEvent, Finished

from .engine import Engine, EngineChunk
from .limits import PROVIDER
from .transcript import Transcript

Batch: TypeAlias = tuple[ChatEvent, ...] | ProviderError
"""At least one event, or the error that ended the answer."""


class Job:
    def __init__(self, body: dict[str, object], transcript: Transcript) -> None:
        self._body = body
        self._transcript = transcript
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._error: ProviderError | None = None
        self._last: tuple[ChatEvent, ...] = ()
        # Without a bound of its own: the tokens of one answer are bounded, and the engine's thread must never wait.
        self.inbox: asyncio.Queue[Batch] = asyncio.Queue()

    def stop(self) -> None:
        """Nothing more is wanted: the engine stops at its next chunk."""
        self._stopped = True

    def run(self, engine: Engine) -> None:
        """On the engine's thread. Raises `ProviderError`."""
        if not self._stopped:
            engine.generate(self._body, self._take)
        if self._error is not None:
            raise self._error
        if self._stopped:
            raise ProviderUnavailable(PROVIDER, "it is closed")
        self._transcript.end()

    def ended(self, error: BaseException | None) -> None:
        """On the loop, once the engine is free: a client that asks again at once must not meet its own last request."""
        if error is None:
            self.inbox.put_nowait(self._last)
        elif isinstance(error, ProviderError):
            self.inbox.put_nowait(error)
        else:
            self.inbox.put_nowait(ProviderBroken(PROVIDER, "the engine failed"))

    def _take(self, chunk: EngineChunk) -> bool:
        """True stops the engine. Nothing is raised into it: it would swallow that."""
        if self._stopped:
            return True
        try:
            events = self._transcript.read(chunk)
            if events and isinstance(events[-1], Finished):
                self._last = events
            elif events:
                self._loop.call_soon_threadsafe(self.inbox.put_nowait, events)
        except ProviderError as error:
            self._error = error
        except RuntimeError:  # the loop was closed: there is no reader
            self._stopped = True
        return self._stopped or self._error is not None
