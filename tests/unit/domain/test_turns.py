"""The queue takes turns between clients, and whoever leaves it leaves no trace."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.turns import Turns

A, B, C = (ClientId(name) for name in "abc")


def served(turns: Turns[str]) -> list[str]:
    """All in the order in which they are served where nobody comes or leaves."""
    order = []
    while turns.waiting:
        first = next(turns.heads())
        order.append(first)
        turns.serve(ClientId(first[0]))
    return order


def test_clients_are_served_in_turns_and_each_client_s_own_in_order() -> None:
    turns: Turns[str] = Turns()
    positions = [turns.add(ClientId(waiter[0]), waiter) for waiter in ("a1", "a2", "a3", "b1", "c1", "b2")]
    assert positions == [0, 1, 2, 1, 2, 4]
    assert served(turns) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_was_served_goes_behind_those_that_came_since() -> None:
    turns: Turns[str] = Turns()
    for waiter in ("a1", "a2", "b1"):
        turns.add(ClientId(waiter[0]), waiter)
    turns.serve(A)
    turns.add(C, "c1")
    assert served(turns) == ["b1", "a2", "c1"]


def test_one_that_comes_back_is_before_its_client_s_own() -> None:
    turns: Turns[str] = Turns()
    for waiter in ("a1", "b1", "b2"):
        turns.add(ClientId(waiter[0]), waiter)
    assert turns.add(B, "b0", first=True) == 1
    assert served(turns) == ["a1", "b0", "b1", "b2"]


def test_a_client_that_loses_one_keeps_its_turn() -> None:
    turns: Turns[str] = Turns()
    for waiter in ("a1", "b1", "a2"):
        turns.add(ClientId(waiter[0]), waiter)
    turns.remove(A, "a1")
    assert served(turns) == ["a2", "b1"]


class AnyTurns(RuleBasedStateMachine):
    """Against a ring of clients, each with a list."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[int] = Turns()
        self.ring: list[tuple[ClientId, list[int]]] = []
        self.next = 0

    def line(self, client: ClientId) -> list[int]:
        return next((line for one, line in self.ring if one == client), [])

    @rule(client=st.sampled_from((A, B, C)), first=st.booleans())
    def comes(self, client: ClientId, first: bool) -> None:
        if not self.line(client):
            self.ring.append((client, []))
        self.line(client).insert(0 if first else len(self.line(client)), self.next)
        before = self.turns.add(client, self.next, first=first)
        order = self.order()
        assert order[before] == self.next
        self.next += 1

    @precondition(lambda self: self.ring)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        client, line = data.draw(st.sampled_from(self.ring))
        waiter = data.draw(st.sampled_from(line))
        self.turns.remove(client, waiter)
        line.remove(waiter)
        self.ring = [(one, rest) for one, rest in self.ring if rest]

    @precondition(lambda self: self.ring)
    @rule(data=st.data())
    def is_served(self, data: st.DataObject) -> None:
        """Not only the first: who has the queue may pass over one that nothing can be done for."""
        client, line = data.draw(st.sampled_from(self.ring))
        self.turns.serve(client)
        line.pop(0)
        self.ring = [entry for entry in self.ring if entry[0] != client] + ([(client, line)] if line else [])

    @invariant()
    def nothing_is_lost_or_kept(self) -> None:
        assert list(self.turns.heads()) == [line[0] for _, line in self.ring]
        assert list(self.turns) == [waiter for _, line in self.ring for waiter in line]
        assert self.turns.waiting == sum(len(line) for _, line in self.ring)
        assert self.turns._lines.keys() == {client for client, _ in self.ring}

    def order(self) -> list[int]:
        ring = [(client, list(line)) for client, line in self.ring]
        order = []
        while ring:
            client, line = ring.pop(0)
            order.append(line.pop(0))
            if line:
                ring.append((client, line))
        return order


TestAnyTurns = AnyTurns.TestCase
