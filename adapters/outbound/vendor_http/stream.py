"""A vendor's answer as it comes, a read's events at a time."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import aiohttp

from llm_gateway.application.ports.system import Clock

from .call_timer import CallTimer
from .errors import AnswerTooLarge, BrokenOff
from .framing import Framing
from .session import neutral


class VendorStream:
    """One call. Nothing is sent before the first `next`, and what is not read to its end has to be closed.

    The deadlines may be moved between two reads. The first event is waited for until `first_by`, which is None from
    then on unless it is set again; each further read of the vendor for `idle` seconds; all of them until `until`, which
    moves on by the time between two calls of `next`: the reader's time is not the vendor's.
    """

    def __init__(
        self,
        send: Callable[[CallTimer], Awaitable[aiohttp.ClientResponse]],
        clock: Clock,
        framing: Framing,
        max_bytes: int,
        *,
        first_by: float | None,
        until: float,
        idle: float,
    ) -> None:
        self.first_by = first_by
        self.until = until
        self.idle = idle
        self._send = send
        self._monotonic = clock.monotonic
        self._framing = framing
        self._max_bytes = self._left_bytes = max_bytes
        self._timer = CallTimer(clock)
        self._response: aiohttp.ClientResponse | None = None
        self._ended = False
        self._closed = False
        self._left: float | None = None

    async def next(self) -> Sequence[bytes] | None:
        """The events that one read completed, None after the last. Raises `errors.py`'s errors and `TimeoutError`."""
        if self._ended:
            return None
        if self._closed:
            raise BrokenOff("closed")
        timer, now = self._timer, self._monotonic()
        if self._left is not None:
            self.until += now - self._left
        try:
            response = self._response
            if response is None:
                timer.begin(self._due(now), now)
                response = self._response = await self._send(timer)
                timer.reads(response.content.set_exception)
            else:
                timer.read(self._due(now), now)
            while data := await response.content.readany():
                self._left_bytes -= len(data)
                if self._left_bytes < 0:
                    raise AnswerTooLarge
                if events := self._framing.feed(data):
                    self.first_by = None
                    return events
                if self.first_by is None:
                    timer.move(self._due(self._monotonic()))
            events = self._framing.end()
            self._ended = True
            timer.close()
            return events or None
        except BaseException as error:
            raised = cause(error, timer)
            self._close()
            raise raised from None
        finally:
            timer.waits = False
            self._left = self._monotonic()

    @property
    def size(self) -> int:
        """The bytes that came so far, which may be more than may come."""
        return self._max_bytes - self._left_bytes

    @property
    def due(self) -> float:
        """When the latest wait ends, or would have ended."""
        return self._timer.due

    def move(self, first_by: float) -> None:
        """The next event is waited for until then, by who waits for it already too."""
        self.first_by = first_by
        self._timer.move(self._due(first_by))

    async def drain(self, seconds: float) -> None:
        """Read what follows the vendor's last event, so that the connection can serve again. Raises nothing."""
        self.first_by, self.until, self.idle = None, self._monotonic() + seconds, seconds
        self._left = None
        with suppress(Exception):
            while await self.next() is not None:
                pass

    async def aclose(self) -> None:
        """Closes the connection at once; one whose answer was read to its end is already in the pool, and stays."""
        self._timer.interrupt(BrokenOff("closed"))
        self._close()

    def _close(self) -> None:
        self._closed = True
        self._timer.close()
        if self._response is not None:
            self._response.close()

    def _due(self, now: float) -> float:
        due = now + self.idle if self.first_by is None else self.first_by
        return due if due < self.until else self.until


def cause(error: BaseException, timer: CallTimer) -> BaseException:
    """What ended a wait: its timer, if it interrupted it, or one of our errors for one of aiohttp's."""
    reason = timer.reason()
    if reason is not None and isinstance(error, CancelledError):
        return reason
    return neutral(error)
