"""Over hours of mixed traffic a client gets what its quota of tokens says: no more, and hardly less."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Bucket, Quota

from .traffic import KINDS, Asked, Replay, Replayed, asked_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "reliability.md"
HOUR_MS = 3_600_000
RATE = 500
CAPACITY = 30 * RATE
"""A bucket of few requests: in a large one no estimate matters."""
QUOTA = CAPACITY + RATE * HOUR_MS // 1000
"""Tokens of the fullest hour."""
LIKELY_USE = 1_150
"""Tokens that a request of this traffic uses in the mean."""
REPLICAS = (1, 4, 16)
SHARES = {0.0: "none", 0.5: "half", 1.0: "all"}


def arriving(dice: random.Random, load: float, bounded: float, kinds: Sequence[str]) -> Iterator[tuple[int, Asked]]:
    """Two hours of requests at random moments, which would use about `load` of the quota's rate."""
    at = 0.0
    while at < 2 * HOUR_MS:
        at += dice.expovariate(load * RATE / LIKELY_USE / 1000)
        yield round(at), asked_of(dice, bounded=dice.random() < bounded, kinds=kinds)


def replayed(replicas: int, load: float, bounded: float, kinds: Sequence[str] = KINDS) -> Replayed:
    quota = Quota(tokens=Bucket.of(CAPACITY, RATE), concurrency=32)
    client = Client(id=ClientId("one"), namespace="one", quota=quota)
    dice = random.Random(f"{replicas} {load} {bounded}")
    return asyncio.run(Replay(client, replicas).run(arriving(dice, load, bounded, kinds), dice))


def published(seen: Sequence[Replayed], *labels: object) -> str:
    """A row of the document's table: one figure for each number of replicas, or the worst of them."""
    falsely = " / ".join(f"{one.refused_falsely / one.asked:.1%}" for one in seen)
    refused = " / ".join(f"{one.refused / one.asked:.1%}" for one in seen)
    most = max(one.most_in(HOUR_MS) / QUOTA for one in seen)
    debts = max(one.largest_debt * one.most_at_once / QUOTA for one in seen)
    return "| " + " | ".join((*map(str, labels), refused, falsely, f"{most:.1%}", f"{debts:.1%}")) + " |"


def assert_right(seen: Sequence[Replayed]) -> None:
    for one in seen:
        assert one.refused_falsely <= 0.02 * one.asked
        assert one.most_in(HOUR_MS) <= QUOTA + one.largest_debt * one.most_at_once


@pytest.mark.search
@pytest.mark.parametrize("load", [0.85, 1.0, 1.5])
@pytest.mark.parametrize("bounded", SHARES, ids=SHARES.values())
def test_mixed_traffic_gets_what_its_quota_says(load: float, bounded: float) -> None:
    seen = [replayed(replicas, load, bounded) for replicas in REPLICAS]
    assert_right(seen)
    assert published(seen, load, SHARES[bounded]) in DOCUMENT.read_text()


@pytest.mark.search
@pytest.mark.parametrize("kind", KINDS)
def test_so_does_each_kind_alone(kind: str) -> None:
    seen = [replayed(replicas, 1.0, 0.5, (kind,)) for replicas in REPLICAS]
    assert_right(seen)
    assert published(seen, f"1.0, {kind} only", "half") in DOCUMENT.read_text()


@pytest.mark.search
def test_all_of_a_quota_can_be_used() -> None:
    seen = replayed(4, 1.5, 0.5)
    assert sum(tokens for _, tokens in seen.settled) >= 0.99 * (CAPACITY + 2 * RATE * HOUR_MS // 1000)
