"""One streamed answer, with the requests for its rest: what each read of the vendor brings, as events."""

from collections.abc import Sequence

from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent, Started
from llm_gateway.domain.routing import EndpointId

from .continuation import MAX_CONTINUATIONS, not_continued, rest_of
from .translate_reply import GeminiReplyReader
from .translate_request import VendorRequest
from .vendor_call import VendorCall
from .wire import GenerateContentResponse


class StreamedAnswer:
    """`first_token_seconds` until its first content, `idle_seconds` between two reads. `finished` at its end."""

    def __init__(
        self,
        call: VendorCall,
        reader: GeminiReplyReader,
        to: EndpointId,
        asked: VendorRequest,
        clock: Clock,
        *,
        first_token_seconds: float,
        idle_seconds: float,
    ) -> None:
        self.finished = False
        self._call = call
        self._reader = reader
        self._to = to
        self._asked = asked
        self._clock = clock
        self._first_by = min(clock.monotonic() + first_token_seconds, call.first)
        self._first_seconds = max(first_token_seconds, idle_seconds)
        self._idle_seconds = idle_seconds
        self._started = False
        self._continued = 0

    async def next(self) -> Sequence[ChatEvent]:
        """At least one event, and in the last batch `Finished` at its end. Raises `ProviderError`."""
        call, reader = self._call, self._reader
        if reader.failure is not None:
            raise reader.failure
        events: list[ChatEvent] = []
        while not events:
            if reader.ending is not None:
                chunks = await call.last()
            else:
                try:
                    chunks = await call.next(self._idle_seconds, None if self._started else self._first_by)
                except Exception:
                    with call.failures:
                        raise
            if chunks is None:
                chunks = await self._rest()
            if chunks is None:
                events = [reader.finished()]
                self.finished = True
            else:
                events = reader.events(chunks)
        if not self._started:
            self._started = True
            events.insert(0, Started(endpoint=self._to, ignored=self._asked.ignored))
        return events

    async def _rest(self) -> Sequence[GenerateContentResponse] | None:
        """What goes on after the end of one request's answer, where it does."""
        rest = rest_of(self._asked, self._reader) if self._continued < MAX_CONTINUATIONS else None
        chunks = rest and await self._first_of(rest)
        if chunks is None:
            self._reader.incomplete = rest is not None
            return None
        self._reader.resume()
        self._continued += 1
        return chunks

    async def _first_of(self, rest: VendorRequest) -> Sequence[GenerateContentResponse] | None:
        """The beginning of the rest of an answer; None where the vendor gives none, so that the answer ends here."""
        try:
            await self._call.open(rest)
            with self._call.failures:
                first = await self._call.next(self._first_seconds, None if self._started else self._first_by)
            if first is None:
                raise ProviderBroken(self._to.provider, "the answer broke off before its end")
        except ProviderError as error:
            if not self._started:
                raise
            not_continued(self._to, self._continued, error)
            return None
        return first
