"""Who a key belongs to."""

from collections.abc import Sequence

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.directories import JoinedClients, MemoryClientDirectory
from llm_gateway.application.authenticate import MAX_CREDENTIALS, Authenticate
from llm_gateway.application.ports.stores import ClientDirectory
from llm_gateway.domain.clients import ApiKeyDigest, Client, digest_of
from llm_gateway.domain.errors import DirectoryUnavailable, Unauthenticated

from .world import client_of

KNOWN = MemoryClientDirectory(
    {
        digest_of("a key"): client_of("one"),
        digest_of("b key"): client_of("two"),
        digest_of("a new key"): client_of("one"),
    }
)
AUTHENTICATE = Authenticate(KNOWN)


async def test_a_known_key_is_its_client() -> None:
    assert (await AUTHENTICATE("a key")).id == "one"


@pytest.mark.parametrize("key", [None, "", "another key", "a key ", "A KEY", "\udcff", "x" * 1_000_000])
async def test_any_other_key_is_nobodys(key: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await AUTHENTICATE(key)


class Away(ClientDirectory):
    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        raise DirectoryUnavailable("away")


async def test_a_directory_that_is_away_says_nothing_of_the_key() -> None:
    with pytest.raises(DirectoryUnavailable):
        await Authenticate(Away())("a key")


@pytest.mark.parametrize("place", range(MAX_CREDENTIALS))
async def test_a_key_counts_beside_what_is_none_of_ours(place: int) -> None:
    credentials = [f"foreign {number}" for number in range(MAX_CREDENTIALS - 1)]
    credentials.insert(place, "a key")

    assert (await AUTHENTICATE(*credentials)).id == "one"


@pytest.mark.parametrize("others", [("b key",), ("foreign", "b key"), ("a new key",)])
async def test_two_keys_of_ours_are_refused_also_where_they_are_one_client_s(others: Sequence[str]) -> None:
    for credentials in (("a key", *others), (*others, "a key")):
        with pytest.raises(Unauthenticated):
            await AUTHENTICATE(*credentials)


class Counted(Away):
    def __init__(self) -> None:
        self.asked = 0

    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        self.asked += 1
        return None


async def test_no_request_asks_a_directory_more_often_than_is_stated() -> None:
    directory = Counted()

    for count in (MAX_CREDENTIALS, MAX_CREDENTIALS + 1, 10_000):
        with pytest.raises(Unauthenticated):
            await Authenticate(directory)(*(f"foreign {number}" for number in range(count)))

    assert directory.asked == MAX_CREDENTIALS


@pytest.mark.parametrize("credentials", [("foreign", "a key"), ("a key", "foreign")])
async def test_a_key_that_is_found_counts_where_the_others_can_t_be_looked_up(credentials: Sequence[str]) -> None:
    authenticate = Authenticate(JoinedClients((KNOWN, Away())))

    assert (await authenticate(*credentials)).id == "one"
    with pytest.raises(DirectoryUnavailable):
        await authenticate("foreign", "more of it")
