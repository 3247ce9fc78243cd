"""Whose turn it is in front of a pool, and where each request is sent. Pure: times are seconds on a monotonic clock."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from operator import itemgetter
from typing import Final

from msgspec import Struct

from .clients import ClientId
from .pool import LoadedModels, MemberStanding, PooledServer, choose
from .resilience import BreakerPermit, Outcome
from .turns import Turns

PASSES: Final = 4
"""How many requests of others each slot of a pool may answer before the turn of one that a load would be needed for."""
KEPT_SHARE: Final = 8
"""One place of so many is kept for clients of whom no request waits."""
LONGEST_WAIT_SECONDS: Final = 60.0
_WEIGHT_OF_LATEST: Final = 0.1


class Offer(Struct, frozen=True, kw_only=True):
    """A member that can answer a request, by what is known of its server, and what that has loaded."""

    member: str
    loaded: LoadedModels = None


class Waiter(Struct, eq=False, kw_only=True):
    """A request in front of a pool. `tokens` is the context that it needs, in coarse steps, as alike ones are looked at
    together; the members that it `tried` have failed.

    `on_premises`: no other member may have it. `member` is where it was sent, at `sent`; `cold`: its model has to be
    loaded there. `passes` counts the requests of others that were sent, before its turn, where it could have been.
    """

    client: ClientId
    model: str
    tokens: int = 0
    tried: AbstractSet[str] = frozenset()
    on_premises: bool = False
    waits: bool = False
    passes: int = 0
    member: str | None = None
    cold: bool = False
    sent: float = 0.0
    permit: BreakerPermit | None = None


class PoolScheduler:
    """Sends each request to a member, to each at most its slots at once, and has the others wait in turns of clients.

    `offers` are the members that can answer a request. At most half of the pool is set aside for having failed, and a
    member that is set aside is asked where no other can answer.
    """

    def __init__(
        self, slots: Mapping[str, Callable[[], int]], queue: int, offers: Callable[[Waiter], Sequence[Offer]]
    ) -> None:
        self.members = {name: PooledServer(most) for name, most in slots.items()}
        self._queue = queue
        self._offers = offers
        self._turns: Turns[Waiter] = Turns()
        self._wanted: Counter[str] = Counter()
        self._seconds = 0.0

    @property
    def waiting(self) -> int:
        return self._turns.waiting

    def is_over(self, waiter: Waiter) -> bool:
        """More wait than may with this one, which came last and is to leave. A share is kept for clients who wait for
        nothing else, so that no client holds all places.
        """
        kept = self._queue // KEPT_SHARE if self._turns.of(waiter.client) > 1 else 0
        return self._turns.waiting > self._queue - kept

    def enter(self, waiter: Waiter) -> int:
        """It waits from now on: how many are before it. One that failed elsewhere comes before its client's others."""
        self._wanted[waiter.model] += 1
        waiter.waits = True
        return self._turns.add(waiter.client, waiter, first=bool(waiter.tried))

    def leave(self, waiter: Waiter) -> None:
        """It waits no more."""
        self._turns.remove(waiter.client, waiter)
        self._waits_no_more(waiter)

    def sent(self, now: float) -> Iterator[Waiter]:
        """Those that wait no more: each has its `member`, or none where no member can answer it any more.

        One that has a member is to be ended.
        """
        while (waiter := self._next(now)) is not None:
            yield waiter

    def answers(self, waiter: Waiter, now: float) -> None:
        """The answer to a request that was sent begins."""
        self._member(waiter).answers(waiter.model, now)

    def end(self, waiter: Waiter, outcome: Outcome, now: float) -> float | None:
        """A request that was sent has ended so. Once. Until when its member is set aside from now on for that."""
        member, permit = self._member(waiter), waiter.permit
        member.end(waiter.model, now)
        assert permit is not None
        era = member.breaker.era
        permit.end(outcome, now)
        if outcome is Outcome.HEALTHY:
            self._seconds += (now - waiter.sent - self._seconds) * (_WEIGHT_OF_LATEST if self._seconds else 1.0)
        opened = outcome is Outcome.FAILED and member.breaker.era != era
        return now + member.breaker.retry_after(now) if opened else None

    def wait(self, waiter: Waiter, now: float) -> timedelta:
        """How long it takes on the average until one that it may be sent to has a free slot, by what the last answers
        took.
        """
        slots = sum(one.slots for one in self.standings(waiter, now))
        return timedelta(seconds=min(max(1.0, self._seconds / max(1, slots)), LONGEST_WAIT_SECONDS))

    def standings(self, waiter: Waiter, now: float) -> Sequence[MemberStanding]:
        """Of the members that a request may be sent to."""
        aside = self.aside(now)
        open = [offer for offer in self._offers(waiter) if offer.member not in waiter.tried]
        offers = [offer for offer in open if offer.member not in aside] or open
        contexts = [self.members[offer.member].context(waiter.model, offer.loaded, now) for offer in offers]
        enough = min(waiter.tokens, max(filter(None, contexts), default=0))  # where none has enough, the most
        return [
            MemberStanding(
                member=offer.member,
                slots=member.slots,
                under_way=member.under_way,
                ready=context is not None and (context == 0 or context >= enough),
                loading=waiter.model in member.loading,
                others=len(offer.loaded or ()),
                used=member.used,
            )
            for offer, context in zip(offers, contexts, strict=True)
            for member in (self.members[offer.member],)
        ]

    @property
    def _slots(self) -> int:
        return sum(member.slots for member in self.members.values())

    def _next(self, now: float) -> Waiter | None:
        """Of the first ones of all clients the first that is overdue, else whose model is loaded, else any."""
        if all(member.under_way >= member.slots for member in self.members.values()):
            return None
        most_passes = PASSES * self._slots
        known: dict[Hashable, tuple[Sequence[MemberStanding], MemberStanding | None]] = {}
        heads: list[tuple[Waiter, Sequence[MemberStanding]]] = []
        found: list[tuple[int, int, MemberStanding]] = []
        for place, waiter in enumerate(self._turns.heads()):
            overdue = waiter.passes >= most_passes
            alike = waiter.model, waiter.tokens, waiter.tried, waiter.on_premises, overdue
            if alike not in known:
                standings = self.standings(waiter, now)
                known[alike] = standings, choose(standings, self._wanted[waiter.model], overdue=overdue)
            standings, chosen = known[alike]
            if not standings:
                self.leave(waiter)
                return waiter
            if chosen is not None:
                found.append((0 if overdue else 1 if chosen.ready else 2, place, chosen))
            heads.append((waiter, standings))
        if not found:
            return None
        _, place, chosen = min(found, key=itemgetter(0, 1))
        for other, standings in heads[:place]:
            other.passes += _could_go_to(chosen.member, standings)
        self._send(heads[place][0], chosen, now)
        return heads[place][0]

    def _send(self, waiter: Waiter, chosen: MemberStanding, now: float) -> None:
        self._turns.serve(waiter.client)
        self._waits_no_more(waiter)
        member = self.members[chosen.member]
        waiter.member, waiter.cold, waiter.sent = chosen.member, not chosen.ready, now
        waiter.permit = member.breaker.allow(now) or BreakerPermit(member.breaker, member.breaker.era)
        loaded = next(offer.loaded for offer in self._offers(waiter) if offer.member == chosen.member)
        member.begin(waiter.model, loaded, cold=waiter.cold)

    def aside(self, now: float) -> AbstractSet[str]:
        """At most half of the members: of those that failed the ones that are tried again the latest."""
        breakers = ((name, member.breaker) for name, member in self.members.items())
        failed = [(breaker.retry_after(now), name) for name, breaker in breakers if not breaker.allows(now)]
        return {name for _, name in sorted(failed, reverse=True)[: len(self.members) // 2]}

    def _member(self, waiter: Waiter) -> PooledServer:
        assert waiter.member is not None
        return self.members[waiter.member]

    def _waits_no_more(self, waiter: Waiter) -> None:
        waiter.waits = False
        self._wanted[waiter.model] -= 1
        if not self._wanted[waiter.model]:
            del self._wanted[waiter.model]


def _could_go_to(member: str, standings: Sequence[MemberStanding]) -> bool:
    """Unless its model is being loaded elsewhere."""
    return any(one.member == member for one in standings) and not any(one.loading for one in standings)
