"""The circuit breakers of this process, one an endpoint."""

from datetime import timedelta

from llm_gateway.domain.errors import ProviderError, ProviderUnavailable
from llm_gateway.domain.resilience import BreakerState, CircuitBreaker, Permit, tells_of_health
from llm_gateway.domain.routing import EndpointId

from .ports import Clock


class Breakers:
    """Bounded by the endpoints that plans name, which come from the directory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._breakers: dict[EndpointId, CircuitBreaker] = {}

    def state(self, endpoint: EndpointId) -> BreakerState:
        breaker = self._breakers.get(endpoint)
        return breaker.state(self._clock.monotonic()) if breaker else BreakerState.CLOSED

    def enter(self, endpoint: EndpointId) -> "Trial":
        """Ask to call an endpoint. Raises `ProviderUnavailable` where it fails too often to be asked."""
        breaker = self._breakers.setdefault(endpoint, CircuitBreaker())
        now = self._clock.monotonic()
        permit = breaker.allow(now)
        if permit is None:
            raise _not_asked(endpoint, breaker, now)
        return Trial(permit, self._clock)

    def check(self, endpoint: EndpointId) -> None:
        """Raise what `enter` would for an open breaker, so that nothing is reserved for a call that is not made."""
        breaker, now = self._breakers.get(endpoint), self._clock.monotonic()
        if breaker is not None and breaker.state(now) is BreakerState.OPEN:
            raise _not_asked(endpoint, breaker, now)


class Trial:
    """One allowed call. It is ended exactly once."""

    def __init__(self, permit: Permit, clock: Clock) -> None:
        self._permit = permit
        self._clock = clock

    def end(self, error: BaseException | None) -> None:
        """With what ended the call: None for a whole answer."""
        if error is None:
            self._permit.succeeded()
        elif isinstance(error, ProviderError) and not error.doubtful:
            if tells_of_health(error):
                self._permit.failed(self._clock.monotonic())
            else:
                self._permit.succeeded()
        else:
            self._permit.abandoned()


def _not_asked(endpoint: EndpointId, breaker: CircuitBreaker, now: float) -> ProviderUnavailable:
    return ProviderUnavailable(
        endpoint.provider,
        "not asked, because its last calls failed",
        retry_after=timedelta(seconds=breaker.retry_after(now)),
    )
