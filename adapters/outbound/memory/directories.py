"""What the settings already know: the clients and the endpoints."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from typing_extensions import override

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.stores import ClientDirectory
from llm_gateway.domain.clients import ApiKeyDigest, Client
from llm_gateway.domain.routing import EndpointState
from llm_gateway.domain.sequences import tuple_of


class MemoryClientDirectory(ClientDirectory):
    def __init__(self, clients: Mapping[ApiKeyDigest, Client]) -> None:
        self._clients = dict(clients)

    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        return self._clients.get(digest)


class JoinedClients(ClientDirectory):
    """Several directories, asked in order until one knows the key. A later one's being away stops no key before it."""

    def __init__(self, directories: Iterable[ClientDirectory]) -> None:
        self._directories = tuple(directories)

    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        for directory in self._directories:
            client = await directory.find(digest)
            if client is not None:
                return client
        return None


class FixedEndpoints(EndpointDirectory):
    """A directory of endpoints whose state never changes, in the order given."""

    def __init__(self, states: Iterable[EndpointState]) -> None:
        self._states = tuple_of(EndpointState, states, "FixedEndpoints.states")

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        return self._states


class JoinedEndpoints(EndpointDirectory):
    """Several providers' endpoints, in the order of the providers: one tuple as long as each tells the same."""

    def __init__(self, directories: Iterable[EndpointDirectory]) -> None:
        self._directories = tuple(directories)
        self._joined: tuple[Sequence[Sequence[EndpointState]], tuple[EndpointState, ...]] = ((), ())

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        parts, joined = self._joined
        told = [tuple(directory.snapshot()) for directory in self._directories]
        if told != parts:
            joined = tuple(chain.from_iterable(told))
        self._joined = told, joined  # the same objects are equal at a glance
        return joined
