"""Bytes of bodies are held up to a limit, and given back."""

import pytest

from llm_gateway.adapters.inbound.http.common.requests import Bodies, Share
from llm_gateway.domain.errors import Overloaded


def test_requests_hold_so_much_together_and_no_more() -> None:
    bodies = Bodies(10)
    one, other = Share(bodies), Share(bodies)
    one.take(6)
    other.take(4)

    for share in (one, other):
        with pytest.raises(Overloaded):
            share.take(1)
    assert bodies.held == 10


def test_what_did_not_fit_is_not_held() -> None:
    bodies = Bodies(10)
    share = Share(bodies)
    share.take(6)
    with pytest.raises(Overloaded):
        share.take(5)

    share.take(4)
    assert bodies.held == 10


def test_what_is_released_is_given_back_once() -> None:
    bodies = Bodies(10)
    one, other = Share(bodies), Share(bodies)
    one.take(6)
    other.take(1)
    one.release()
    one.release()

    assert bodies.held == 1


def test_what_is_only_looked_at_is_not_held() -> None:
    bodies = Bodies(10)
    share = Share(bodies)
    share.check(10)
    with pytest.raises(Overloaded):
        share.check(11)

    assert bodies.held == 0
