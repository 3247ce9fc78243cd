"""Who a key belongs to."""

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.directories import MemoryClientDirectory
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.ports.stores import ClientDirectory
from llm_gateway.domain.clients import ApiKeyDigest, Client, digest_of
from llm_gateway.domain.errors import DirectoryUnavailable, Unauthenticated

from .world import client_of

AUTHENTICATE = Authenticate(MemoryClientDirectory({digest_of("a key"): client_of("one")}))


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
