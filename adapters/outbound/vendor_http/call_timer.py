"""The deadlines of one call, by one timer: moving one costs nothing."""

import asyncio

from llm_gateway.application.ports.system import Alarm, Clock


class CallTimer:
    """Interrupts the task that waits for the vendor when its time is up.

    The timer is set once and looks when it rings: a deadline that was moved on meanwhile has it set again.
    """

    __slots__ = ("_alarm", "_cancelling", "_clock", "_due", "_reason", "_rings_at", "_task")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarm: Alarm | None = None
        self._rings_at = 0.0
        self._due = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._reason: Exception | None = None

    def begin(self, due: float, now: float) -> None:
        """The running task waits from now on. Raises `TimeoutError` where its time is up already."""
        if now >= due:
            raise TimeoutError
        self._due = due
        if self._alarm is None or due < self._rings_at:
            self._set()
        self._reason = None
        task = self._task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()

    def move(self, due: float) -> None:
        """The wait goes on, to another time."""
        self._due = due
        if due < self._rings_at:
            self._set()

    def at_most(self, due: float) -> None:
        """The wait that is going on is not to last longer."""
        if due < self._due:
            self.move(due)

    def end(self) -> None:
        """The wait is over."""
        self._task = None

    def interrupt(self, reason: Exception) -> bool:
        """End the wait with this error, if there is one."""
        if self._task is None:
            return False
        if self._reason is None:
            self._reason = reason
            self._task.cancel()
        return True

    def reason(self) -> Exception | None:
        """Why the wait was cancelled, where it was by us alone."""
        task, reason = self._task, self._reason
        if task is None or reason is None:
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
        self._rings_at = self._due
        self._alarm = self._clock.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._task is None:
            return  # the reader's time; the next wait sets it again
        if self._clock.monotonic() >= self._due:
            self.interrupt(TimeoutError())
        else:
            self._set()
