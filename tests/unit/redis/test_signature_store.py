"""What a store of signatures asks of one that is away."""

from datetime import timedelta

from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.store import RedisReply, Store, StoreError
from llm_gateway.adapters.outbound.redis.signature_store import AT_A_TIME, RedisSignatureStore
from llm_gateway.domain.signature_key import SignatureKey


class Away(Store):
    def __init__(self) -> None:
        self.calls = 0

    @override
    async def call(self, operation: str, key: bytes, *command: str | bytes | int, quick: bool = False) -> RedisReply:
        self.calls += 1
        raise StoreError


async def test_one_that_fails_is_not_asked_for_the_rest_each_of_which_would_wait() -> None:
    away = Away()
    keys = [SignatureKey(b"%d" % number) for number in range(5 * AT_A_TIME)]
    assert await RedisSignatureStore(away, timedelta(hours=1)).get(keys) == {}
    assert away.calls == AT_A_TIME
