"""The deadlines of one call, by one timer: moving one costs nothing."""

import asyncio
from collections.abc import Callable

from llm_gateway.application.ports.system import Alarm, Clock


class CallTimer:
    """Ends a wait for the vendor when its time is up: has what is read fail, where that was told, or cancels the task.

    The timer is set once and looks when it rings: a deadline that was moved on meanwhile has it set again. `waits`: one
    waits now; whoever began a wait takes it back. `due`: when the latest wait ends, or would have ended.
    """

    __slots__ = ("_alarm", "_cancelling", "_clock", "_fail", "_reason", "_rings_at", "_task", "due", "waits")

    def __init__(self, clock: Clock) -> None:
        self.waits = False
        self.due = 0.0
        self._clock = clock
        self._alarm: Alarm | None = None
        self._rings_at = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._fail: Callable[[Exception], object] | None = None
        self._reason: Exception | None = None

    def begin(self, due: float, now: float) -> None:
        """The running task waits from now on. Raises `TimeoutError` where its time is up already."""
        self.read(due, now)
        self._reason = None
        task = self._task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()

    def reads(self, fail: Callable[[Exception], object]) -> None:
        """From now on waits are for something that can `fail`, which wakes who waits, and ends it for good."""
        self._fail = fail

    def read(self, due: float, now: float) -> None:
        """As `begin`, of a wait for that, whose task matters to nobody."""
        if now >= due:
            raise TimeoutError
        self.due = due
        if self._alarm is None or due < self._rings_at:
            self._set()
        self.waits = True

    def move(self, due: float) -> None:
        """The wait goes on, to another time."""
        self.due = due
        if due < self._rings_at:
            self._set()

    def at_most(self, due: float) -> None:
        """The wait that is going on is not to last longer."""
        if due < self.due:
            self.move(due)

    def interrupt(self, reason: Exception) -> bool:
        """End the wait with this error, if there is one."""
        if not self.waits:
            return False
        if self._fail is not None:
            self._fail(reason)
        elif self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()
        return True

    def reason(self) -> Exception | None:
        """Why the task was cancelled, where it was by us alone."""
        task, reason = self._task, self._reason
        if not self.waits or task is None or reason is None:
            return None
        self._reason = None
        return reason if task.uncancel() <= self._cancelling else None

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _set(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._rings_at = self.due
        self._alarm = self._clock.call_at(self.due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if not self.waits:
            return  # the reader's time; the next wait sets it again
        if self._clock.monotonic() >= self.due:
            self.interrupt(TimeoutError())
        else:
            self._set()
