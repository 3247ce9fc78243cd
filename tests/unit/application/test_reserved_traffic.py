"""Over hours of mixed traffic a client gets what its quota of tokens says: no more, and hardly less."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Quota

from .traffic import Asked, Replay, Replayed, asked_of

HOUR_MS = 3_600_000
RATE = 500
CAPACITY = 30 * RATE
"""A bucket of few requests: in a large one no estimate matters."""
LIKELY_USE = 1_150
"""Tokens that a request of this traffic uses in the mean."""


def arriving(dice: random.Random, load: float, share_bounded: float) -> Iterator[tuple[int, Asked]]:
    """Two hours of requests at random moments, which would use `load` of the quota's rate."""
    at = 0.0
    while at < 2 * HOUR_MS:
        at += dice.expovariate(load * RATE / LIKELY_USE / 1000)
        yield round(at), asked_of(dice, bounded=dice.random() < share_bounded)


def replayed(replicas: int, load: float, share_bounded: float) -> Replayed:
    quota = Quota(tokens=Bucket.of(CAPACITY, RATE), concurrency=32)
    client = Client(id=ClientId("one"), namespace="one", quota=quota)
    dice = random.Random(f"{replicas} {load} {share_bounded}")
    return asyncio.run(Replay(client, replicas).run(arriving(dice, load, share_bounded), dice))


@pytest.mark.parametrize("replicas", [1, 4, 16])
@pytest.mark.parametrize("share_bounded", [0.0, 0.5, 1.0], ids=["no max_tokens", "half with", "all with max_tokens"])
class TestMixedTraffic:
    def test_hardly_more_is_refused_than_with_foresight_where_the_quota_covers_what_is_used(
        self, replicas: int, share_bounded: float
    ) -> None:
        seen = replayed(replicas, 0.85, share_bounded)
        assert seen.refused - seen.refused_with_foresight <= 0.02 * seen.asked
        assert_within_quota(seen)

    def test_no_hour_exceeds_the_quota_by_more_than_debts_under_way_and_all_of_it_can_be_used(
        self, replicas: int, share_bounded: float
    ) -> None:
        seen = replayed(replicas, 1.5, share_bounded)
        assert_within_quota(seen)
        assert sum(tokens for _, tokens in seen.settled) >= 0.95 * (CAPACITY + 2 * RATE * HOUR_MS // 1000)


def assert_within_quota(seen: Replayed) -> None:
    quota = CAPACITY + RATE * HOUR_MS // 1000
    assert seen.most_in(HOUR_MS) <= quota + seen.largest_debt * seen.most_at_once
