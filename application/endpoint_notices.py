"""How each endpoint stands by what its calls have shown: out until a time that its vendor set, or at fault."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct, structs

from llm_gateway.domain.chat import Usage
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from llm_gateway.domain.routing import EndpointId, EndpointState

from .ports.system import Clock

log = logging.getLogger("llm_gateway.providers")

NOTE_SECONDS: Final = 3600.0
"""How long a fault of the operator's or the gateway's is told after it was last seen."""


class EndpointNotice(Struct, frozen=True, kw_only=True):
    """What is said of an endpoint until the monotonic clock is at `ends`. `out_until`: it is not asked before.

    That is a Unix time, by which a vendor tells it. The earlier of the two counts: a wall clock that was set back keeps
    no endpoint out, nor does a monotonic one that stood still while the machine slept.
    """

    ends: float
    out_until: float | None
    says: str
    status: int | None
    reason: FailureReason | None


class EndpointNotices:
    """How each endpoint stands, in this process.

    A vendor's quota of the day, an account without credit and a retired model take an endpoint out until the time that
    its adapter tells, without a further call. A fault that another request may not meet is only told. Bounded by the
    endpoints that plans name, which come from the directory.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._out: dict[EndpointId, EndpointNotice] = {}
        self._faults: dict[EndpointId, EndpointNotice] = {}
        self._overcounts: dict[EndpointId, float] = {}
        self._changes = 0

    def failed(self, endpoint: EndpointId, error: ProviderError) -> None:
        """A call ended so."""
        left = 0.0 if error.out_until is None else error.out_until - self._clock.now()
        if left > 0:
            self._keep(self._out, endpoint, error, left, error.out_until)
        elif isinstance(error, ProviderMisconfigured):
            self._keep(self._faults, endpoint, error, NOTE_SECONDS, None)

    def answered(self, endpoint: EndpointId) -> None:
        """A call ended well. What the gateway adds to some requests only may still be refused."""
        fault = self._faults.get(endpoint)
        if fault is not None and fault.reason is not FailureReason.ADDED_FIELD:
            self._forget(self._faults, endpoint)

    def overcounted(self, endpoint: EndpointId, said: Usage | None) -> None:
        """It says of an answer's tokens what can't be. Told once an hour: it changes no routing."""
        now = self._clock.monotonic()
        if said is not None and self._overcounts.get(endpoint, now) <= now:
            self._overcounts[endpoint] = now + NOTE_SECONDS
            says = "%s: says that a prompt took %d tokens and its answer %d, which can't be"
            log.warning(says, endpoint.name, said.prompt_tokens, said.completion_tokens)

    def out(self, endpoint: EndpointId) -> EndpointNotice | None:
        """Why it is not to be asked now; None where it is."""
        return self._current(self._out, endpoint)

    def fault(self, endpoint: EndpointId) -> EndpointNotice | None:
        """What an operator has to mend though it may answer; None where nothing is known."""
        return self._current(self._faults, endpoint)

    @property
    def nothing(self) -> bool:
        """Nothing is known of any endpoint."""
        return not self._out and not self._faults

    def moment(self) -> tuple[int, int]:
        """As long as it is equal, `seen` says the same, but for less than a second of `out_for`."""
        for notices in (self._out, self._faults):
            for endpoint in tuple(notices):
                self._current(notices, endpoint)
        return self._changes, int(self._clock.monotonic())

    def check(self, endpoint: EndpointId) -> None:
        """Raise `ProviderUnavailable` for an endpoint that is out."""
        out = self.out(endpoint)
        if out is not None:
            raise ProviderUnavailable(endpoint.provider, out.says, retry_after=self._left(out), reason=out.reason)

    def seen(self, state: EndpointState) -> EndpointState:
        """The state, with what calls have shown."""
        out, fault = self.out(state.endpoint.id), self.fault(state.endpoint.id)
        if out is not None and state.unusable is None:
            state = structs.replace(state, unusable=out.says, out_for=self._left(out))
        return state if fault is None else structs.replace(state, notes=(*state.notes, fault.says))

    def _left(self, notice: EndpointNotice) -> timedelta:
        return timedelta(seconds=max(0.0, self._seconds_left(notice)))

    def _seconds_left(self, notice: EndpointNotice) -> float:
        left = notice.ends - self._clock.monotonic()
        return left if notice.out_until is None else min(left, notice.out_until - self._clock.now())

    def _current(self, notices: dict[EndpointId, EndpointNotice], endpoint: EndpointId) -> EndpointNotice | None:
        notice = notices.get(endpoint)
        if notice is not None and self._seconds_left(notice) <= 0:
            self._forget(notices, endpoint)
            return None
        return notice

    def _forget(self, notices: dict[EndpointId, EndpointNotice], endpoint: EndpointId) -> None:
        notices.pop(endpoint, None)  # a scrape reads from a thread of its own
        self._changes += 1

    def _keep(
        self,
        notices: dict[EndpointId, EndpointNotice],
        endpoint: EndpointId,
        error: ProviderError,
        seconds: float,
        out_until: float | None,
    ) -> None:
        known = self._current(notices, endpoint)
        says = error.message.removeprefix(f"{error.provider}: ")
        if out_until is not None:
            says = f"{says}; not asked before {datetime.fromtimestamp(out_until, UTC):%Y-%m-%d %H:%M} UTC"
        ends = self._clock.monotonic() + seconds
        notices[endpoint] = EndpointNotice(
            ends=ends, out_until=out_until, says=says, status=error.status, reason=error.reason
        )
        self._changes += 1
        if known is None or known.says != says:
            log.error("%s: status %s, %s: %s", endpoint.name, error.status, error.reason, says)
