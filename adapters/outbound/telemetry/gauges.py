"""What is read of a gateway at every scrape: its breakers, its queues, what is under way, and its build."""

import platform
from collections.abc import Callable, Iterable, Mapping

from llm_gateway.application.breakers import Breakers
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.resilience import BreakerState
from llm_gateway.domain.routing import EndpointId

from . import catalogue
from .instruments import Instruments

_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def watch_gateway(
    instruments: Instruments,
    *,
    version: str,
    under_way: Callable[[], int],
    breakers: Breakers,
    endpoints: EndpointDirectory,
    queues: Mapping[str, Callable[[], int]],
) -> None:
    """`under_way` counts what is being answered now, `queues` what waits, for each provider where calls wait."""

    def states() -> Iterable[tuple[tuple[str, ...], float]]:
        for state in endpoints.snapshot():
            if state.configured:
                id = state.endpoint.id
                yield (id.provider, id.model), _BREAKER[breakers.state(id)]

    def others() -> Iterable[tuple[tuple[str, ...], float]]:
        for state in endpoints.snapshot():
            if state.configured and (state.answered_by is not None or not state.pin_only):
                yield (state.endpoint.id.provider, state.endpoint.id.model), state.answered_by is not None

    instruments.watch(catalogue.ANSWERS, lambda: [((), under_way())])

    def notices(of: Callable[[EndpointId], object]) -> Iterable[tuple[tuple[str, ...], float]]:
        for state in endpoints.snapshot():
            if state.configured:
                id = state.endpoint.id
                yield (id.provider, id.model), float(of(id) is not None)

    instruments.watch(catalogue.BREAKER_STATE, states)
    instruments.watch(catalogue.ANSWERED_BY_OTHER, others)
    instruments.watch(catalogue.ENDPOINT_OUT, lambda: notices(breakers.notices.out))
    instruments.watch(catalogue.ENDPOINT_FAULT, lambda: notices(breakers.notices.fault))
    instruments.watch(catalogue.QUEUE_DEPTH, lambda: [((provider,), waiting()) for provider, waiting in queues.items()])
    instruments.watch(catalogue.BUILD_INFO, lambda: [((version, platform.python_version()), 1)])
    instruments.watch(catalogue.WORKERS, lambda: [((), 1)])
