"""Turns at the members of a pool: who is sent, who waits, who is passed over and how often, and who is set aside."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.pool import EJECT_SECONDS, MOST_EJECT_SECONDS, ROUNDS, LoadedModels
from llm_gateway.domain.pool_scheduler import PASSES, Offer, PoolScheduler, Waiter
from llm_gateway.domain.resilience import Outcome

ONE, TWO, THREE = (ClientId(name) for name in ("one", "two", "three"))


class Bench:
    """A pool whose servers have loaded what a test says; None of one that can't answer."""

    def __init__(self, slots: int = 1, queue: int = 100, **loaded: dict[str, int] | None) -> None:
        self.loaded: dict[str, LoadedModels] = dict(loaded)
        self.away: set[str] = set()
        self.scheduler = PoolScheduler({name: lambda: slots for name in loaded}, queue, self.offers)
        self.now = 0.0
        self.looks = 0

    def offers(self, waiter: Waiter) -> Sequence[Offer]:
        self.looks += 1
        return [Offer(member=name, loaded=told) for name, told in self.loaded.items() if name not in self.away]

    def come(self, client: ClientId = ONE, model: str = "m", *, tokens: int = 0, tried: Sequence[str] = ()) -> Waiter:
        waiter = Waiter(client=client, model=model, tokens=tokens, tried=frozenset(tried))
        self.scheduler.enter(waiter)
        self.serve()
        return waiter

    def end(self, waiter: Waiter, outcome: Outcome = Outcome.HEALTHY) -> None:
        if outcome is Outcome.HEALTHY:
            self.scheduler.answers(waiter, self.now)
        self.scheduler.end(waiter, outcome, self.now)
        self.serve()

    def serve(self) -> list[Waiter]:
        return list(self.scheduler.sent(self.now))


def test_one_load_however_many_wait_and_the_others_follow_where_it_is() -> None:
    bench = Bench(slots=2, a={}, b={})
    first, second, third = bench.come(), bench.come(), bench.come()
    sent = [(waiter.member, waiter.cold) for waiter in (first, second, third)]
    assert sent == [("a", True), ("a", False), (None, False)]
    bench.end(first)
    assert (third.member, third.cold) == ("a", False)


def test_a_saturated_member_has_a_second_one_load_its_model() -> None:
    bench = Bench(a={"m": 0}, b={})
    first = bench.come()
    waiting = [bench.come() for _ in range(ROUNDS)]
    assert all(waiter.member is None for waiter in waiting)
    bench.come()
    assert (waiting[0].member, waiting[0].cold) == ("b", True)
    assert first.member == "a"


def test_one_that_has_enough_context_is_asked_and_where_none_has_the_one_with_the_most() -> None:
    bench = Bench(slots=9, small={"m": 4096}, large={"m": 32_768})
    assert bench.come(tokens=10_000).member == "large"
    assert bench.come(tokens=100_000).member == "large"
    assert bench.come(tokens=100).member == "small"


def test_the_turn_of_a_client_does_not_wait_for_another_s_ten() -> None:
    bench = Bench(a=None)
    running = bench.come()
    greedy = [bench.come() for _ in range(10)]
    other = bench.come(TWO)
    bench.end(running)
    assert greedy[0].member == "a"
    bench.end(greedy[0])
    assert other.member == "a"


def test_a_thousand_clients_that_wait_for_the_same_are_looked_at_once() -> None:
    bench = Bench(queue=1_000, a=None, b=None)
    running = [bench.come(), bench.come()]
    for number in range(1_000):
        bench.scheduler.enter(Waiter(client=ClientId(str(number)), model="m", tokens=4096))
    bench.looks = 0
    bench.end(running[0])
    assert bench.looks < 10


def test_the_queue_is_bounded_and_a_retry_is_not_refused() -> None:
    bench = Bench(queue=1, a=None, b=None)
    running = [bench.come(), bench.come()]
    waiting = bench.come()
    assert not bench.scheduler.is_over(waiting)
    over = bench.come()
    assert bench.scheduler.is_over(over)
    bench.scheduler.leave(over)
    again = bench.come(tried=("a",))
    bench.end(running[0])
    assert again.member is None, "the member that it failed at"
    bench.end(running[1])
    assert again.member == "b"


@pytest.mark.parametrize(("queue", "kept"), [(64, 8), (8, 1), (7, 0), (1, 0), (0, 0)])
def test_an_eighth_of_the_queue_is_kept_for_clients_of_whom_none_waits(queue: int, kept: int) -> None:
    bench = Bench(queue=queue, a=None)
    running = bench.come()
    while True:
        last = bench.come()
        if bench.scheduler.is_over(last):
            break
    bench.scheduler.leave(last)
    assert bench.scheduler.waiting == queue - kept
    for number in range(kept):
        assert not bench.scheduler.is_over(bench.come(ClientId(f"other {number}")))
    over = bench.come(ClientId("one more"))
    assert bench.scheduler.is_over(over)
    bench.scheduler.leave(over)
    bench.end(running)
    assert bench.scheduler.waiting == max(0, queue - 1)


def test_the_wait_that_a_refusal_tells_is_what_the_last_answers_took() -> None:
    bench = Bench(slots=2, a=None, b=None)
    newcomer = Waiter(client=ONE, model="m")
    assert bench.scheduler.wait(newcomer, bench.now).total_seconds() == 1.0
    for _ in range(50):
        one = bench.come()
        bench.now += 20.0
        bench.end(one)
    assert bench.scheduler.wait(newcomer, bench.now).total_seconds() == pytest.approx(5.0)
    bench.away.add("b")
    assert bench.scheduler.wait(newcomer, bench.now).total_seconds() == pytest.approx(10.0)


def test_one_that_no_member_can_answer_any_more_waits_no_more() -> None:
    bench = Bench(a=None)
    running, waiting = bench.come(), bench.come()
    bench.away.add("a")
    bench.scheduler.end(running, Outcome.HEALTHY, 1.0)
    assert bench.serve() == [waiting]
    assert (waiting.member, waiting.waits, bench.scheduler.waiting) == (None, False, 0)


def test_a_member_that_failed_is_set_aside_for_longer_each_time_and_comes_back_by_one_trial() -> None:
    bench = Bench(slots=2, a=None, b=None, c=None)
    seconds = EJECT_SECONDS
    failing = bench.come()
    assert failing.member == "a"
    for _ in range(9):
        bench.end(failing, Outcome.FAILED)
        bench.now += seconds - 0.1
        others = [bench.come() for _ in range(4)]
        assert {waiter.member for waiter in others} == {"b", "c"}
        bench.now += 0.2
        failing, waits = bench.come(), bench.come()
        assert (failing.member, waits.member) == ("a", None), "one trial at a time"
        seconds = min(2 * seconds, MOST_EJECT_SECONDS)
        bench.scheduler.leave(waits)
        for waiter in others:
            bench.end(waiter)
    bench.end(failing)
    assert [bench.come().member for _ in range(3)] == ["a", "b", "c"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_never_more_than_half_of_a_pool_is_set_aside(size: int) -> None:
    servers: dict[str, dict[str, int] | None] = dict.fromkeys("abcde"[:size])
    bench = Bench(1, 100, **servers)
    for _ in range(3):
        for waiter in [bench.come() for _ in range(size)]:
            bench.end(waiter, Outcome.FAILED)
    reached = {waiter.member for waiter in [bench.come() for _ in range(size)]} - {None}
    assert len(reached) == size - size // 2


def test_where_all_fail_at_once_none_is_set_aside_for_longer_by_those_that_come_all_the_same() -> None:
    bench = Bench(a=None, b=None)
    for _ in range(20):
        first = bench.come()
        bench.end(first, Outcome.FAILED)
        assert first.member is not None
        bench.end(bench.come(tried=(first.member,)), Outcome.FAILED)
        bench.now += 0.1
    bench.now += EJECT_SECONDS
    assert bench.scheduler.aside(bench.now) == set()


def test_one_that_is_set_aside_is_asked_where_no_other_has_what_is_asked_for() -> None:
    bench = Bench(a=None, b=None)
    bench.end(bench.come(), Outcome.FAILED)
    bench.away.add("b")
    assert bench.come().member == "a"


class AnyPool(RuleBasedStateMachine):
    """Three servers that each keep one model loaded, three clients and four models, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(slots=2, a={}, b={}, c={})
        self.here: list[Waiter] = []
        self.under_way: list[Waiter] = []
        self.missed: dict[Waiter, int] = {}

    @property
    def scheduler(self) -> PoolScheduler:
        return self.bench.scheduler

    def serve(self) -> None:
        """As the bench, one by one: each is sent where no other would have had to be before it."""
        while True:
            firsts = list(self.scheduler._turns.heads())
            standings = {one: self.scheduler.standings(one, self.bench.now) for one in firsts}
            usable = {one: {standing.member for standing in found} for one, found in standings.items()}
            loads = {one for one, found in standings.items() if any(standing.loading for standing in found)}
            sent = next(iter(self.scheduler.sent(self.bench.now)), None)
            if sent is None:
                return
            assert not (sent.cold and sent in loads), "a second load beside the first"
            for one in firsts:
                if one is not sent and sent.member in usable[one] and one not in loads:
                    self.missed[one] = self.missed.get(one, 0) + 1
            self.here.remove(sent)
            self.missed.pop(sent, None)
            self.under_way.append(sent)

    @rule(client=st.sampled_from((ONE, TWO, THREE)), model=st.sampled_from("mnop"))
    def comes(self, client: ClientId, model: str) -> None:
        waiter = Waiter(client=client, model=model)
        self.here.append(waiter)
        self.scheduler.enter(waiter)
        self.serve()

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        waiter = data.draw(st.sampled_from(self.here))
        self.here.remove(waiter)
        self.missed.pop(waiter, None)
        self.scheduler.leave(waiter)
        self.serve()

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome), seconds=st.floats(0, 20))
    def ends(self, data: st.DataObject, outcome: Outcome, seconds: float) -> None:
        waiter = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(waiter)
        self.bench.now += seconds
        if outcome is Outcome.HEALTHY:
            self.scheduler.answers(waiter, self.bench.now)
            self.bench.loaded[waiter.member or ""] = {waiter.model: 0}
        self.scheduler.end(waiter, outcome, self.bench.now)
        self.serve()

    @invariant()
    def each_member_has_what_was_sent_to_it_and_no_more_than_its_slots(self) -> None:
        for name, member in self.scheduler.members.items():
            assert member.under_way == sum(waiter.member == name for waiter in self.under_way) <= 2

    @invariant()
    def nothing_is_left_of_who_left(self) -> None:
        assert self.scheduler.waiting == len(self.here)
        assert self.scheduler._wanted.total() == len(self.here)
        assert set(self.scheduler._wanted) == {waiter.model for waiter in self.here}
        for member in self.scheduler.members.values():
            assert member.loading <= member.models.keys()

    @invariant()
    def nobody_is_passed_over_more_often_than_its_turn_allows(self) -> None:
        assert all(missed <= PASSES * 6 + 2 for missed in self.missed.values())

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert not self.here or self.under_way

    @invariant()
    def at_most_one_is_set_aside(self) -> None:
        assert len(self.scheduler.aside(self.bench.now)) <= 1


TestAnyPool = AnyPool.TestCase
TestAnyPool.settings = settings(stateful_step_count=40)
