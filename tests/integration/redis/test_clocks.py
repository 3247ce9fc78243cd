"""The script as it is shipped, on a real server whose own clock is set: the contract, and what expires by itself."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.rate_limiter import RedisRateLimiter
from llm_gateway.domain.clients import Client
from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Quota
from llm_gateway.testing import RateLimiterContract
from llm_gateway.testing.contracts.rate_limiter import LEASE, ONE, client, left, new_id

from .conftest import Open
from .skewed import SkewedValkey

pytestmark = pytest.mark.external("faketime")


@pytest.fixture(scope="module")
def skewed() -> Iterator[SkewedValkey]:
    with TemporaryDirectory(prefix="valkey-") as folder:
        server = SkewedValkey(Path(folder), repl_diskless_sync_delay="0")
        server.start()
        yield server
        server.kill()


class TestRedisRateLimiterByItsServersClock(RateLimiterContract):
    @pytest.fixture(autouse=True)
    def _open(self, open_url: Open, skewed: SkewedValkey) -> None:
        self.server = skewed
        self.store = open_url(skewed.url)

    @override
    def make(self) -> RedisRateLimiter:
        return RedisRateLimiter(self.store)

    @override
    async def advance(self, seconds: float) -> None:
        self.server.set_skew(self.server.skew + seconds)

    @override
    async def set_clock(self, seconds: float) -> None:
        await self.advance(seconds)


async def test_a_lease_of_an_account_that_was_evicted_after_the_clock_was_set_back_ends_too(
    skewed: SkewedValkey, open_url: Open
) -> None:
    limiter, someone = RedisRateLimiter(open_url(skewed.url)), client(concurrency=1)
    await limiter.take(someone, Charge(), new_id())
    skewed.set_skew(skewed.skew - 86_400)
    assert (await limiter.take(someone, LEASE, new_id())).allowed
    (account,) = (name for name in skewed.ask("KEYS", f"*{{client={someone.id}}}*") if name.count(b":") == 4)
    skewed.ask("DEL", account)

    assert (await limiter.take(someone, LEASE, new_id())).allowed
    assert not (await limiter.take(someone, LEASE, new_id())).allowed


async def test_what_a_set_back_left_behind_is_gone_when_the_old_time_has_come_again(
    skewed: SkewedValkey, open_url: Open
) -> None:
    limiter, someone = RedisRateLimiter(open_url(skewed.url)), client(tokens=5, concurrency=3)
    for back in (3_600, 60, 0):
        await limiter.take(someone, Charge(tokens=1, lease=True), new_id())
        skewed.set_skew(skewed.skew - back)
    skewed.set_skew(skewed.skew + 3_660 + 10_000)
    assert skewed.ask("KEYS", f"*{{client={someone.id}}}*") == []


@pytest.mark.parametrize("apart", [-86_400.0, 5.0, 3_600.0])
async def test_a_failover_to_a_replica_whose_clock_is_apart_locks_nobody_out_and_gives_a_bucket_at_most(
    apart: float, skewed: SkewedValkey, open_url: Open, tmp_path: Path
) -> None:
    capacity, id = 4, client().id
    quota = Quota(requests=Bucket.of(capacity, 0.01), tokens=Bucket.of(capacity, 0.01), concurrency=capacity)
    someone = Client(id=id, namespace=id, quota=quota)
    whole = Charge(requests=1, tokens=1, lease=True)
    before, held = RedisRateLimiter(open_url(skewed.url)), [new_id() for _ in range(capacity)]
    assert all([(await before.take(someone, whole, id)).allowed for id in held])
    replica = SkewedValkey(tmp_path, replicaof=f"127.0.0.1 {skewed.port}")
    replica.start()
    try:
        replica.set_skew(skewed.skew + apart)
        while replica.ask("ROLE")[3] != b"connected" or skewed.ask("WAIT", 1, 100) != 1:
            pass  # ends with the test's own time
        replica.ask("REPLICAOF", "NO", "ONE")
        after = RedisRateLimiter(open_url(replica.url))

        assert sum([(await after.take(someone, ONE, new_id())).allowed for _ in range(3 * capacity)]) <= capacity
        asked = await after.take(someone, Charge(requests=1), new_id())
        assert asked.retry_after_ms <= 1000 * capacity * 100
        replica.set_skew(replica.skew + LEASE_MS / 1000 + capacity * 100)  # nobody renewed: all has ended, and refilled
        assert all([(await after.take(someone, whole, new_id())).allowed for _ in range(capacity)])
        assert left((await after.take(someone, Charge(), new_id())).requests) == 0
    finally:
        replica.kill()
