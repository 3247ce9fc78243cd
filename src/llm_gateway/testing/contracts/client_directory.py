"""What holds for every `ClientDirectory`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from llm_gateway.application.ports.stores import ClientDirectory
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, digest_of
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.routing import Hint

PLAIN = Client(id=ClientId("plain"), namespace="plain", quota=Quota())
BOUND = Client(
    id=ClientId("bound"),
    namespace="team",
    quota=Quota(requests=Bucket.of(5, 1.0), tokens=Bucket.of(1_000, 10.0), concurrency=2),
    hints=frozenset((Hint.LOCAL,)),
    models=frozenset(("ollama",)),
)


@pytest.mark.asyncio
class ClientDirectoryContract(ABC):
    @abstractmethod
    def make(self, clients: Mapping[ApiKeyDigest, Client]) -> ClientDirectory:
        """A directory that knows these."""
        ...

    async def test_a_client_is_found_as_it_was_written_by_each_of_its_keys(self) -> None:
        known = {digest_of("key-1"): PLAIN, digest_of("key-2"): BOUND, digest_of("key-3"): BOUND}
        directory = self.make(known)

        assert {digest: await directory.find(digest) for digest in known} == known

    @pytest.mark.parametrize("digest", [digest_of("key-2"), digest_of(""), digest_of("key-1")[:-1] + b"\0"])
    async def test_an_unknown_key_belongs_to_nobody(self, digest: bytes) -> None:
        directory = self.make({digest_of("key-1"): PLAIN})

        assert await directory.find(ApiKeyDigest(digest)) is None

    async def test_an_empty_directory_knows_nobody(self) -> None:
        assert await self.make({}).find(digest_of("key-1")) is None
