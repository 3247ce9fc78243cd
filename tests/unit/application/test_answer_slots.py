"""No client holds the process: half of its answers at most, whatever comes and goes in which order."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from llm_gateway.application.answer_slots import LONGEST_WAIT_SECONDS, SHARE_TAKEN, AnswerSlots
from llm_gateway.domain.clients import ClientId

CLIENTS = [ClientId(name) for name in ("greedy", "modest", "third")]
MOST = 7
MOST_INNER = 4


class Slots(RuleBasedStateMachine):
    """Slots within slots, held against plain counters."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = AnswerSlots(MOST)
        self.inner = AnswerSlots(MOST_INNER, within=self.outer)
        self.held: list[tuple[AnswerSlots, ClientId]] = []

    def counted(self, inner: bool) -> Counter[ClientId]:
        return Counter(client for slots, client in self.held if not inner or slots is self.inner)

    @rule(client=st.sampled_from(CLIENTS), inner=st.booleans())
    def take(self, client: ClientId, inner: bool) -> None:
        fits = self.counted(False).total() < MOST and self.counted(False)[client] < MOST // 2
        if inner:
            fits = fits and self.counted(True).total() < MOST_INNER and self.counted(True)[client] < MOST_INNER // 2
        slots = self.inner if inner else self.outer
        refused = slots.take(client)
        assert (refused is None) == fits
        if refused is None:
            self.held.append((slots, client))
        else:
            assert refused.retry_after is not None
            assert 1 <= refused.retry_after.total_seconds() <= LONGEST_WAIT_SECONDS

    @precondition(lambda self: self.held)
    @rule(data=st.data(), seconds=st.floats(0, 1e6))
    def give_back(self, data: st.DataObject, seconds: float) -> None:
        slots, client = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        slots.give_back(client, seconds)

    @invariant()
    def as_many_are_taken_as_are_held(self) -> None:
        assert self.outer.taken == len(self.held)
        assert self.inner.taken == self.counted(True).total()

    @invariant()
    def whoever_holds_nothing_finds_one_while_only_one_other_client_asks(self) -> None:
        counted = self.counted(False)
        if len(counted) == 1:
            other = next(client for client in CLIENTS if client not in counted)
            assert self.outer.take(other) is None
            self.outer.give_back(other, 1)


@pytest.mark.search
def test_a_client_has_half_at_most_and_all_have_no_more_than_there_are() -> None:
    run_state_machine_as_test(Slots)


@pytest.mark.parametrize(
    ("lengths", "seconds"), [((), 1), ((0.2,), 1), ((20.0,), 10), ((600.0,), 60), ((20.0, 0.0), 10)]
)
def test_a_refusal_says_how_long_what_is_under_way_goes_on(lengths: tuple[float, ...], seconds: float) -> None:
    """Answers from the cache, which take no time, are not what is waited for."""
    slots = AnswerSlots(2)
    for length in lengths:
        assert slots.take(CLIENTS[0]) is None
        slots.give_back(CLIENTS[0], length)
    assert slots.take(CLIENTS[0]) is None
    refused = slots.take(CLIENTS[0])
    assert refused is not None
    assert refused.retry_after is not None
    assert refused.message == SHARE_TAKEN
    assert refused.retry_after.total_seconds() == pytest.approx(seconds)


def test_all_that_are_taken_are_told_apart_from_a_share_that_is() -> None:
    slots = AnswerSlots(2)
    assert slots.take(CLIENTS[0]) is slots.take(CLIENTS[1]) is None
    refused = slots.take(CLIENTS[2])
    assert refused is not None
    assert refused.message != SHARE_TAKEN


def test_what_is_kept_of_clients_that_hold_nothing_is_nothing() -> None:
    slots = AnswerSlots(4)
    for number in range(1000):
        assert slots.take(ClientId(str(number))) is None
        slots.give_back(ClientId(str(number)), 1)
    assert slots._by_client == {}
