"""The circuit breakers of this process, one an endpoint, which an endpoint that is out keeps open."""

from datetime import timedelta

from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.domain.resilience import BreakerPermit, BreakerState, CircuitBreaker
from llm_gateway.domain.routing import EndpointId

from .endpoint_notices import EndpointNotices
from .ports.system import Clock


class Breakers:
    """The circuit breakers of this process, one for each endpoint.

    Bounded by the endpoints that plans name, which come from the directory.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._breakers: dict[EndpointId, CircuitBreaker] = {}
        self.notices = EndpointNotices(clock)

    def state(self, endpoint: EndpointId) -> BreakerState:
        """The state of an endpoint's breaker now: open as long as the endpoint is out."""
        if self.notices.out(endpoint) is not None:
            return BreakerState.OPEN
        breaker = self._breakers.get(endpoint)
        return breaker.state(self._clock.monotonic()) if breaker else BreakerState.CLOSED

    def enter(self, endpoint: EndpointId) -> BreakerPermit:
        """Permission for one call, to be ended. Raises `ProviderUnavailable` where the endpoint is not to be asked."""
        self.notices.check(endpoint)
        breaker = self._breakers.get(endpoint)
        if breaker is None:
            breaker = self._breakers[endpoint] = CircuitBreaker()
        now = self._clock.monotonic()
        permit = breaker.allow(now)
        if permit is None:
            raise _not_asked(endpoint, breaker, now)
        return permit

    def check(self, endpoint: EndpointId) -> None:
        """Raise what `enter` would for an open breaker, so that nothing is reserved for a call that is not made."""
        self.notices.check(endpoint)
        breaker, now = self._breakers.get(endpoint), self._clock.monotonic()
        if breaker is not None and breaker.state(now) is BreakerState.OPEN:
            raise _not_asked(endpoint, breaker, now)


def _not_asked(endpoint: EndpointId, breaker: CircuitBreaker, now: float) -> ProviderUnavailable:
    return ProviderUnavailable(
        endpoint.provider,
        "not asked, because its last calls failed",
        retry_after=timedelta(seconds=breaker.retry_after(now)),
    )
