"""Which member of a pool a request goes to, and what the pool knows of each."""

import pytest

from llm_gateway.domain.pool import KNOWN_SECONDS, ROUNDS, MemberStanding, PooledServer, choose


def standing(
    member: str, *, under_way: int = 0, slots: int = 1, ready: bool = True, loading: bool = False, others: int = 0,
    used: float = 0.0,
) -> MemberStanding:  # fmt: skip
    return MemberStanding(
        member=member, slots=slots, under_way=under_way, ready=ready, loading=loading, others=others, used=used
    )


def chosen(*standings: MemberStanding, waiting: int = 1, overdue: bool = False) -> str | None:
    found = choose(standings, waiting, overdue=overdue)
    return found.member if found is not None else None


def test_of_those_that_have_the_model_loaded_the_one_with_the_least_under_way() -> None:
    busy, idle = standing("busy", under_way=2, slots=4), standing("idle", under_way=1, slots=4)
    assert chosen(busy, idle, standing("cold", slots=4, ready=False)) == "idle"


def test_a_model_is_loaded_where_the_least_is_under_way_then_where_the_fewest_are_loaded_then_where_it_is_idle() -> (
    None
):
    cold = [
        standing("busy", under_way=1, slots=2, ready=False),
        standing("full", others=2, ready=False),
        standing("used", others=1, used=9.0, ready=False),
        standing("idle", others=1, used=5.0, ready=False),
    ]
    assert chosen(*cold) == "idle"
    assert chosen(*cold[:3]) == "used"
    assert chosen(*cold[:2]) == "full"


def test_one_that_has_the_model_is_waited_for_and_it_is_loaded_nowhere_else() -> None:
    assert chosen(standing("warm", under_way=1), standing("cold", ready=False)) is None


def test_a_second_load_is_worth_it_once_too_many_wait() -> None:
    warm, cold = standing("warm", under_way=2, slots=2), standing("cold", slots=2, ready=False)
    assert chosen(warm, cold, waiting=ROUNDS * 2) is None
    assert chosen(warm, cold, waiting=ROUNDS * 2 + 1) == "cold"
    assert chosen(warm, cold, overdue=True) == "cold"


def test_a_model_that_is_being_loaded_is_never_loaded_a_second_time() -> None:
    loading, cold = standing("loading", under_way=1, loading=True), standing("cold", ready=False)
    assert chosen(loading, cold, waiting=100, overdue=True) is None
    free = standing("loading", under_way=1, slots=2, loading=True)
    assert chosen(free, cold) == "loading"


def test_where_nobody_is_free_it_waits() -> None:
    assert chosen(standing("cold", under_way=1, ready=False)) is None
    assert chosen() is None


def member() -> PooledServer:
    return PooledServer(lambda: 1)


@pytest.mark.parametrize(("loaded", "context"), [(None, 0), ({}, None), ({"m": 4096}, 4096), ({"m": 0}, 0)])
def test_a_model_is_loaded_as_its_server_says(loaded: dict[str, int] | None, context: int | None) -> None:
    assert member().context("m", loaded, 0.0) == context


def test_one_that_is_asked_for_or_that_answered_a_moment_ago_is_loaded_too() -> None:
    one = member()
    one.begin("m", {}, cold=True)
    assert one.context("m", {}, 0.0) == 0
    one.answers("m", 5.0)
    one.end("m", 6.0)
    assert one.context("m", {}, 5.0 + KNOWN_SECONDS - 1) == 0
    assert one.context("m", {}, 5.0 + KNOWN_SECONDS) is None


def test_one_whose_load_failed_is_not() -> None:
    one = member()
    one.begin("m", {}, cold=True)
    one.end("m", 6.0)
    assert (one.context("m", {}, 6.0), one.loading, one.under_way) == (None, set(), 0)


def test_after_a_load_none_counts_where_one_was_probably_given_up_until_the_server_was_asked() -> None:
    one, told = member(), {"old": 4096}
    one.begin("new", told, cold=True)
    assert one.context("old", told, 0.0) is None
    assert one.context("new", told, 0.0) == 0
    assert one.context("old", dict(told), 0.0) == 4096


def test_a_server_that_was_seen_with_more_gives_up_none() -> None:
    one, two, told = member(), {"a": 1, "b": 1}, {"old": 4096}
    one.begin("c", two, cold=True)
    one.end("c", 1.0)
    one.begin("new", told, cold=True)
    assert one.context("old", told, 0.0) == 4096
