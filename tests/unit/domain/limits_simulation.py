"""Replicas that share an account over a bad network, with clocks that are set, in an order that a seed decides.

A replica does what the application does: it asks for a charge once, renews its lease three times a life, and repeats
the settlement until that is answered or the lease is over. The server may lose messages, answers and the last of what
it was asked, be away, begin empty, and have its clock set.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from msgspec import Struct

from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Decision, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount

from .limits_bounds import Bounds

START_MS = 1_800_000_000_000
REPLICAS = 4
AGAIN_MS = 1_000
LATEST_MS = 5_000
GAPS = (0, 0, 1, 40, 700, 1_000, 4_000, LEASE_MS // 3, LEASE_MS)
STEPS = (-86_400_000, -3_600_000, -LEASE_MS, -900, -1, 1, 900, LEASE_MS, 3_600_000, 86_400_000)
NOTHING = Charge()
CHARGES = (
    Charge(requests=1),
    Charge(requests=1, tokens=10, lease=True),
    Charge(tokens=40, lease=True),
    Charge(tokens=500, lease=True),
    Charge(lease=True),
    Charge(requests=2, tokens=5),
)


class Operation(Struct, frozen=True):
    """What the server was asked, at which time of its clock, and its answer to a charge.

    `account` counts the states that it had: each begins as if nothing had been asked before.
    """

    account: int
    verb: str
    id: ReservationId
    charge: Charge
    """What is asked for, or was spent elsewhere."""
    tokens: int
    """Used."""
    now_ms: int
    said: Decision | None


class Answer(Struct, frozen=True):
    """One under way at a replica."""

    id: ReservationId
    replica: int
    charge: Charge


class Simulation:
    """`operations` are all that was asked of the server, for another limiter to be asked the same."""

    def __init__(self, seed: int) -> None:
        self._random = random = Random(seed)
        self.quota = Quota(
            requests=random.choice((None, Bucket.of(random.randint(1, 5), random.choice((0.3, 2.0, 20.0))))),
            tokens=random.choice((None, Bucket.of(100, random.choice((0.7, 10.0, 250.0))))),
            concurrency=random.choice((None, 1, 2, 3)),
        )
        self.operations: list[Operation] = []
        self._now = START_MS
        self._skew = random.choice((0, -3_600_000, 7_200_000))
        self._account = QuotaAccount(self.quota, self._now + self._skew)
        self._bounds = Bounds(self._account, self._now)
        self._accounts = 0
        self._first = 0
        self._away_until = 0
        self._answers: dict[ReservationId, Answer] = {}
        self._alarms: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = count()
        self._events = (
            (self._ask_for_one,) * 8
            + (self._finish_one,) * 4
            + (self._let_time_pass,) * 5
            + (
                self._spend,
                self._ask_again,
                self._crash,
                self._set_clock,
                self._fail_over,
                self._begin_empty,
                self._go_away,
            )
        )

    def run(self) -> None:
        """Raises `AssertionError` where a rule is broken."""
        for _ in range(self._random.randint(10, 50)):
            self._random.choice(self._events)()
        self._end()

    def _ask_for_one(self) -> None:
        id, charge = self._new_id(), self._random.choice(CHARGES)
        decision = self._send("take", id, charge)
        refused = not decision.allowed if decision else self._random.random() < 0.5  # then by its own policy
        if charge.lease and not refused:
            self._answers[id] = Answer(id, self._random.randrange(REPLICAS), charge)
            self._renew_later(id)

    def _renew_later(self, id: ReservationId) -> None:
        def renew() -> None:
            if id in self._answers:
                self._send("renew", id)
                self._renew_later(id)

        self._later(LEASE_MS // 3, renew)

    def _finish_one(self) -> None:
        if self._answers:
            answer = self._answers.pop(self._random.choice(list(self._answers)))
            held = answer.charge.tokens
            self._settle(answer.id, self._random.choice((0, 1, held, 2 * held, 3_000)), LEASE_MS // AGAIN_MS)

    def _settle(self, id: ReservationId, tokens: int, tries: int) -> None:
        if self._send("settle", id, tokens=tokens) is None and tries:
            self._later(AGAIN_MS, lambda: self._settle(id, tokens, tries - 1))

    def _spend(self) -> None:
        """As much as was charged elsewhere, or what came back there."""
        spent = self._random.choice(CHARGES)
        back = Charge(requests=-spent.requests, tokens=-spent.tokens)
        self._settle_elsewhere(self._new_id(), self._random.choice((spent, spent, back)), LEASE_MS // AGAIN_MS)

    def _settle_elsewhere(self, id: ReservationId, spent: Charge, tries: int) -> None:
        if self._send("spend", id, spent) is None and tries:
            self._later(AGAIN_MS, lambda: self._settle_elsewhere(id, spent, tries - 1))

    def _ask_again(self) -> None:
        if self._answers:
            answer = self._random.choice(list(self._answers.values()))
            self._send("take", answer.id, answer.charge)

    def _let_time_pass(self) -> None:
        self._pass(self._random.choice(GAPS))

    def _crash(self) -> None:
        replica = self._random.randrange(REPLICAS)
        self._answers = {id: answer for id, answer in self._answers.items() if answer.replica != replica}

    def _set_clock(self) -> None:
        ms = self._random.choice(STEPS)
        self._skew += ms
        self._bounds.step(ms)

    def _go_away(self) -> None:
        self._away_until = self._now + self._random.choice((100, 1_000, LEASE_MS, 3 * LEASE_MS))

    def _fail_over(self) -> None:
        """To a replica that lacks the last of what was asked."""
        self._become(self.operations[self._first : len(self.operations) - self._random.choice((0, 0, 1, 3))])
        if self._random.random() < 0.5:
            self._set_clock()

    def _begin_empty(self) -> None:
        self._become([])

    def _become(self, known: list[Operation]) -> None:
        """The server has been asked just this."""
        self._bounds.look(self._now)
        self._accounts += 1
        self._first = len(self.operations)
        self._account = QuotaAccount(self.quota, known[0].now_ms if known else self._now + self._skew)
        for one in known:
            self._carry_out(one.verb, one.id, one.charge, one.tokens, one.now_ms)
        self._carry_out("renew", self._new_id(), NOTHING, 0, self._now + self._skew)
        self._bounds.forgot(self._account)

    def _end(self) -> None:
        """Nobody speaks any more: all that was held ends, and all is there again."""
        self._answers.clear()
        self._pass(LEASE_MS + LATEST_MS)
        self._carry("renew", self._new_id())
        self._pass(LEASE_MS)
        self._carry("renew", self._new_id())
        assert not self._account.leases
        assert not len(self._account)
        standing = self._carry("take", self._new_id())
        self._pass(max((limit.reset_ms for limit in (standing.requests, standing.tokens) if limit), default=0))
        full = Charge(requests=_most(self.quota.requests), tokens=_most(self.quota.tokens), lease=True)
        assert self._carry("take", self._new_id(), full).allowed

    def _send(self, verb: str, id: ReservationId, charge: Charge = NOTHING, tokens: int = 0) -> Decision | None:
        """None where no answer was heard: the message was lost, or came late, or its answer was lost."""
        chance = self._random.random()
        if self._now < self._away_until or chance < 0.06:
            return None
        if chance < 0.1:
            self._later(self._random.randint(1, LATEST_MS), lambda: self._carry(verb, id, charge, tokens))
            return None
        said = self._carry(verb, id, charge, tokens)
        return None if chance < 0.16 else said

    def _carry(self, verb: str, id: ReservationId, charge: Charge = NOTHING, tokens: int = 0) -> Decision:
        """To the server, which does it."""
        now_ms = self._now + self._skew
        self._bounds.look(self._now)
        self._account._advance(now_ms)
        self._bounds.check(self._account)
        known = id in self._account._reservations
        said = self._carry_out(verb, id, charge, tokens, now_ms)
        if verb == "take" and not known:
            self._bounds.took(id, charge, said)
        elif verb == "spend" and not known:
            self._bounds.spent(id, charge)
        elif verb == "settle" and known:
            self._bounds.settled(id, tokens)
        elif verb == "renew" and known:
            self._bounds.renewed(id)
        self._bounds.check(self._account)
        return said

    def _carry_out(self, verb: str, id: ReservationId, charge: Charge, tokens: int, now_ms: int) -> Decision:
        said = None
        match verb:
            case "take":
                said = self._account.take(charge, id, now_ms)
            case "settle":
                self._account.settle(id, tokens, now_ms)
            case "spend":
                self._account.spend(charge.requests, charge.tokens, id, now_ms)
            case _:
                self._account.renew(id, now_ms)
        self.operations.append(Operation(self._accounts, verb, id, charge, tokens, now_ms, said))
        return said or Decision(allowed=True)

    def _new_id(self) -> ReservationId:
        return ReservationId(f"r{next(self._numbers)}")

    def _later(self, ms: int, do: Callable[[], object]) -> None:
        heappush(self._alarms, (self._now + ms, next(self._numbers), do))

    def _pass(self, ms: int) -> None:
        until = self._now + ms
        while self._alarms and self._alarms[0][0] <= until:
            self._now, _, do = heappop(self._alarms)
            do()
        self._now = until


def _most(bucket: Bucket | None) -> int:
    return bucket.capacity if bucket else 0
