"""Several servers behind one endpoint: what a pool knows of each, and which of them a request goes to. Pure.

Times are seconds on a monotonic clock.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from .resilience import CircuitBreaker

EJECT_SECONDS: Final = 5.0
MOST_EJECT_SECONDS: Final = 300.0
"""How long a member that failed is set aside: the first time, and the most after doubling with each trial that fails.
"""
ROUNDS: Final = 4
"""A model is worth a second load where more requests wait for it than its members answer in so many rounds."""
KNOWN_SECONDS: Final = 10.0
"""How long a model counts as loaded after it began to answer, whatever its server told last."""

LoadedModels: TypeAlias = Mapping[str, int] | None
"""The context in tokens of each model that a server has loaded, 0 where it is not known; None of a server that keeps
all its models loaded.
"""


class PooledServer:
    """A server, as far as its pool knows it. `slots` is how many requests it is sent at once."""

    def __init__(self, slots: Callable[[], int]) -> None:
        self._slots = slots
        self.models: Counter[str] = Counter()
        self.loading: set[str] = set()
        self.used = 0.0
        self.breaker = CircuitBreaker(failures=1, open_seconds=EJECT_SECONDS, most_open_seconds=MOST_EJECT_SECONDS)
        self._most_loaded = 1
        self._answered: dict[str, float] = {}
        self._doubted: LoadedModels = None

    @property
    def slots(self) -> int:
        return self._slots()

    @property
    def under_way(self) -> int:
        return self.models.total()

    def context(self, model: str, loaded: LoadedModels, now: float) -> int | None:
        """Of a model that is loaded, or is being loaded; 0 where it is not known, None where it is not loaded."""
        if loaded is None:
            return 0
        told = None if loaded is self._doubted else loaded.get(model)
        if told is None and (self.models[model] or now < self._answered.get(model, 0.0)):
            return 0
        return told

    def begin(self, model: str, loaded: LoadedModels, *, cold: bool) -> None:
        """A request is sent here. A `cold` one has its model loaded, for which the server may give up another: where it
        has as many as were ever seen there at once, none of them counts as loaded until it was asked again.
        """
        self.models[model] += 1
        if cold and loaded is not None:
            self.loading.add(model)
            self._most_loaded = max(self._most_loaded, len(loaded))
            if len(loaded) == self._most_loaded:
                self._doubted = loaded
                self._answered.clear()

    def answers(self, model: str, now: float) -> None:
        """A request's answer begins, so its model is loaded."""
        self.loading.discard(model)
        self._answered[model] = now + KNOWN_SECONDS

    def end(self, model: str, now: float) -> None:
        """A request has ended, however it did."""
        self.models[model] -= 1
        self.used = now
        if not self.models[model]:
            del self.models[model]
            self.loading.discard(model)


class MemberStanding(Struct, frozen=True, kw_only=True):
    """How a member stands to one request. `ready`: it has the model loaded with enough context, or is `loading` it.

    `others` is how many models it has loaded, and `used` when its last request ended.
    """

    member: str
    slots: int
    under_way: int
    ready: bool
    loading: bool = False
    others: int = 0
    used: float = 0.0

    @property
    def free(self) -> bool:
        return self.under_way < self.slots


def choose(standings: Sequence[MemberStanding], waiting: int, *, overdue: bool = False) -> MemberStanding | None:
    """The member to send a request to now; None where it is to wait.

    Of the ready ones it is the one with the least under way. Where these are busy, one is waited for: a model that is
    being loaded is never loaded a second time, and one that is loaded only where more than `ROUNDS` rounds of requests
    for it are `waiting`, or this one is `overdue`. A load goes to the member with the least under way, then to the one
    with the fewest models loaded, then to the one that has been idle for the longest.
    """
    ready = [one for one in standings if one.ready]
    free = [one for one in ready if one.free]
    if free:
        return min(free, key=lambda one: one.under_way)
    if any(one.loading for one in ready):
        return None
    if ready and not overdue and waiting <= ROUNDS * sum(one.slots for one in ready):
        return None
    cold = [one for one in standings if one.free]
    return min(cold, key=lambda one: (one.under_way, one.others, one.used), default=None)
