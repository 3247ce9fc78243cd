"""Clients beside the settings: made, listed, given a new key, revoked."""

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.domain.clients import Client, ClientId, Registration, digest_of
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.testing import MemoryClientRegistry, ScriptedClock

COMMON = Bucket.of(5, 1.0)
OWN = Bucket.of(60, 2.0)
ANNA = Client(id=ClientId("registered:anna"), namespace="anna", quota=Quota(requests=OWN))
ONE, TWO, THREE = (digest_of(key) for key in ("key-1", "key-2", "key-3"))


class Raced(MemoryClientRegistry):
    """Somebody else is always faster."""

    @override
    async def replace(self, id: ClientId, old: Registration | None, new: Registration | None) -> bool:
        return False


@pytest.fixture
def registry() -> MemoryClientRegistry:
    return MemoryClientRegistry()


@pytest.fixture
def clients(registry: MemoryClientRegistry) -> ManageClients:
    return ManageClients(registry, ScriptedClock(), COMMON)


async def test_a_client_that_was_made_is_found_by_its_key(
    clients: ManageClients, registry: MemoryClientRegistry
) -> None:
    made = await clients.create(ANNA, ONE)

    assert await registry.find(ONE) == ANNA
    assert list(await clients.all()) == [made]


async def test_a_client_without_a_quota_of_requests_is_given_the_common_one(clients: ManageClients) -> None:
    made = await clients.create(replace(ANNA, quota=Quota(concurrency=3)), ONE)

    assert made.client.quota == Quota(requests=COMMON, concurrency=3)


async def test_a_name_is_taken_once(clients: ManageClients, registry: MemoryClientRegistry) -> None:
    await clients.create(ANNA, ONE)

    with pytest.raises(InvalidRequest, match="name: there is a client of this name"):
        await clients.create(ANNA, TWO)
    assert await registry.find(TWO) is None


async def test_two_keys_of_a_client_live_side_by_side_and_a_third_ends_the_oldest(
    clients: ManageClients, registry: MemoryClientRegistry
) -> None:
    await clients.create(ANNA, ONE)

    await clients.rotate(ANNA.id, TWO)
    assert [await registry.find(digest) for digest in (ONE, TWO)] == [ANNA, ANNA]

    await clients.rotate(ANNA.id, THREE)
    assert [await registry.find(digest) for digest in (ONE, TWO, THREE)] == [None, ANNA, ANNA]


async def test_one_key_can_be_revoked_and_the_other_lives_on(
    clients: ManageClients, registry: MemoryClientRegistry
) -> None:
    await clients.create(ANNA, ONE)
    await clients.rotate(ANNA.id, TWO)

    ended = await clients.revoke(ANNA.id, ONE.hex()[:12].upper())

    assert [key.digest for key in ended] == [ONE]
    assert [await registry.find(digest) for digest in (ONE, TWO)] == [None, ANNA]


@pytest.mark.parametrize("last", [False, True], ids=["whole", "last key"])
async def test_a_client_without_a_key_left_is_no_client(
    clients: ManageClients, registry: MemoryClientRegistry, last: bool
) -> None:
    await clients.create(ANNA, ONE)

    await clients.revoke(ANNA.id, ONE.hex() if last else None)

    assert await registry.find(ONE) is None
    assert list(await clients.all()) == []


@pytest.mark.parametrize("key", ["", "zz"], ids=["both", "none"])
async def test_a_key_is_revoked_only_where_it_is_meant_alone(clients: ManageClients, key: str) -> None:
    await clients.create(ANNA, ONE)
    await clients.rotate(ANNA.id, TWO)

    with pytest.raises(InvalidRequest, match="key: is the beginning of no digest, or of several"):
        await clients.revoke(ANNA.id, key)
    assert len((await clients.all())[0].keys) == 2


async def test_nobody_is_rotated_or_revoked_who_is_not_there(clients: ManageClients) -> None:
    for change in (clients.rotate(ANNA.id, ONE), clients.revoke(ANNA.id)):
        with pytest.raises(InvalidRequest, match="name: there is no client of this name"):
            await change


async def test_a_change_that_another_one_overtook_says_that_nothing_was_done() -> None:
    raced = Raced()
    await MemoryClientRegistry.replace(raced, ANNA.id, None, Registration(client=ANNA, keys=()))

    with pytest.raises(InvalidRequest, match="changed by somebody else"):
        await ManageClients(raced, ScriptedClock(), COMMON).rotate(ANNA.id, ONE)
