"""What is read of a gateway at every scrape: its breakers, its queues, what is under way, and its build."""

import platform
from collections.abc import Callable, Iterable, Mapping

from llm_gateway.application.breakers import Breakers
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.resilience import BreakerState
from llm_gateway.domain.routing import EndpointState

from . import catalogue
from .instruments import Instruments

_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def watch_gateway(
    instruments: Instruments,
    *,
    version: str,
    under_way: Callable[[], int],
    waiting: Callable[[], int],
    breakers: Breakers,
    endpoints: EndpointDirectory,
    queues: Mapping[str, Callable[[], int]],
) -> None:
    """`under_way` counts what is being answered now, and `waiting` the bytes of it that wait for readers.

    `queues` counts what waits, for each provider where calls wait.
    """

    def each(value: Callable[[EndpointState], float]) -> Callable[[], Iterable[tuple[tuple[str, ...], float]]]:
        """Of the endpoints that the operator asked for; a number, as workers tell each other no truth values."""
        return lambda: (
            ((state.endpoint.id.provider, state.endpoint.id.model), float(value(state)))
            for state in endpoints.snapshot()
            if state.configured
        )

    notices = breakers.notices
    instruments.watch(catalogue.ANSWERS, lambda: [((), under_way())])
    instruments.watch(catalogue.ANSWERS_WAITING, lambda: [((), waiting())])
    instruments.watch(catalogue.BREAKER_STATE, each(lambda state: _BREAKER[breakers.state(state.endpoint.id)]))
    instruments.watch(catalogue.ANSWERED_BY_OTHER, each(lambda state: state.answered_by is not None))
    instruments.watch(catalogue.ENDPOINT_OUT, each(lambda state: notices.out(state.endpoint.id) is not None))
    instruments.watch(catalogue.ENDPOINT_FAULT, each(lambda state: notices.fault(state.endpoint.id) is not None))
    instruments.watch(catalogue.QUEUE_DEPTH, lambda: [((provider,), waiting()) for provider, waiting in queues.items()])
    instruments.watch(catalogue.BUILD_INFO, lambda: [((version, platform.python_version()), 1)])
    instruments.watch(catalogue.WORKERS, lambda: [((), 1)])
