"""The clients that the settings name, with their quotas."""

import re

from llm_gateway.domain.clients import DEMO_KEY, ApiKeyDigest, Client, ClientId, digest_of
from llm_gateway.domain.quota import Bucket, Limit, Quota, Reserve

from .settings import BucketSettings, Secret, Settings

_COMMON = "RATE_LIMITER_CAPACITY"
DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")


def clients_of(settings: Settings) -> dict[ApiKeyDigest, Client]:
    """Every client that the settings name, by the digests of its keys."""
    common = Bucket.of(settings.rate_limiter_capacity, settings.rate_limiter_refill_rate)
    keys = settings.api_keys or ((Secret(DEMO_KEY),) if settings.demo else ())
    clients = {}
    for key in keys:
        digest = digest_in(key)
        id = f"key-{digest.hex()[:12]}"
        clients[digest] = Client(
            id=ClientId(id), namespace=id, quota=Quota(requests=common), settings={Limit.REQUESTS.value: _COMMON}
        )
    for index, row in enumerate(settings.clients):
        client = Client(
            id=ClientId(row.name),
            namespace=row.namespace or row.name,
            quota=Quota(
                requests=_bucket(row.requests) or common, tokens=_bucket(row.tokens), concurrency=row.concurrency
            ),
            hints=None if row.hints is None else frozenset(row.hints),
            models=None if row.models is None else frozenset(row.models),
            strict=row.strict,
            aliases=row.aliases,
            reserve=row.tokens.reserve if row.tokens else Reserve.LIKELY,
            settings={limit.value: f"clients[{index}].{limit.value}" for limit in Limit}
            | ({} if row.requests else {Limit.REQUESTS.value: _COMMON}),
        )
        clients |= {digest_in(key): client for key in row.keys}
    return clients


def digest_in(key: Secret) -> ApiKeyDigest:
    """The one that is stated, or that of a plain key."""
    stated = DIGEST.fullmatch(key.value)
    return ApiKeyDigest(bytes.fromhex(stated[1])) if stated else digest_of(key.value)


def _bucket(row: BucketSettings | None) -> Bucket | None:
    return None if row is None else Bucket.of(row.capacity, row.refill_rate)
