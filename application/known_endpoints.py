"""The endpoints as their providers' directories tell, with what calls have shown of them."""

from collections.abc import Sequence

from typing_extensions import override

from llm_gateway.domain.routing import EndpointState

from .breakers import Breakers
from .ports.models import EndpointDirectory


class KnownEndpoints(EndpointDirectory):
    """Another directory's endpoints. One that is out is unusable, and what is at fault is noted.

    One tuple as long as both say the same; how long an endpoint stays out is told anew each second.
    """

    def __init__(self, directory: EndpointDirectory, breakers: Breakers) -> None:
        self._directory = directory
        self._notices = breakers.notices
        self._told: tuple[object, Sequence[EndpointState], tuple[EndpointState, ...]] = (None, (), ())

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        states = self._directory.snapshot()
        if self._notices.nothing:
            return states
        moment, known, told = self._told
        now = self._notices.moment()
        if moment != now or known is not states or not isinstance(states, tuple):
            told = tuple(map(self._notices.seen, states))
            self._told = now, states, told
        return told
