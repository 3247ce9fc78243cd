"""The endpoints as their providers' directories tell, with what calls have shown of them."""

from collections.abc import Sequence

from typing_extensions import override

from llm_gateway.domain.routing import EndpointState

from .breakers import Breakers
from .ports.models import EndpointDirectory


class KnownEndpoints(EndpointDirectory):
    """Another directory's endpoints. One that is out is unusable, and what is at fault is noted."""

    def __init__(self, directory: EndpointDirectory, breakers: Breakers) -> None:
        self._directory = directory
        self._notices = breakers.notices

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        states = self._directory.snapshot()
        return states if self._notices.nothing else [self._notices.seen(state) for state in states]
