"""Whether a store can be used, by what became of the latest calls to it and of a trial."""

from collections.abc import Sequence

from llm_gateway.application.ports.observation import StoreMeter

from .command_pipe import RedisReply, packed
from .failures import StoreError, StoreOdd, StoreRefused

REMEMBERED_SECONDS = 60.0
"""How long what was refused counts, where it is not asked again."""
TRIAL_MS = 1
TRIAL = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


def trial(key: bytes) -> bytes:
    """A command that needs what a store is used for: to write, in a script."""
    return packed("EVAL", TRIAL, 1, key, 1, TRIAL_MS)


def passed(answer: RedisReply | BaseException) -> str | None:
    """What was wrong with a trial; None where nothing was."""
    if isinstance(answer, StoreError):
        return str(answer)
    if isinstance(answer, BaseException):
        raise answer
    return None if answer == b"OK" else str(StoreOdd())


class Standing:
    """Refusals are kept by operation until one succeeds: a store may give and not take."""

    def __init__(self, name: str, meter: StoreMeter) -> None:
        self._name = name
        self._meter = meter
        self._refused: dict[str, tuple[str, float]] = {}
        self.good: bool | None = None
        """Of the latest; None before the first."""

    def ended(self, operation: str, error: StoreError | None, now: float) -> None:
        if error is None:
            self._refused.pop(operation, None)
        elif isinstance(error, StoreRefused):
            self._refused[operation] = (error.code, now + REMEMBERED_SECONDS)
        self._tell(error is None and not self._refused)

    def tried(self, troubles: Sequence[str], now: float) -> str | None:
        """Why it can't be used, after a trial of each server."""
        self._refused = {operation: row for operation, row in self._refused.items() if row[1] > now}
        refusals = [f"'{operation}' was answered {code}" for operation, (code, _) in self._refused.items()]
        trouble = next(iter([*troubles, *refusals]), None)
        self._tell(trouble is None)
        return trouble

    def _tell(self, good: bool) -> None:
        if good is not self.good:
            self.good = good
            self._meter.usable(self._name, good)
