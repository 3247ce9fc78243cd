"""The failures of a call over HTTP as ours; each vendor's adapter adds what its refusals tell."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final

from msgspec import MsgspecError
from typing_extensions import override

from llm_gateway.application.vendor_failures import VendorFailures
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderTimeout,
)

from .errors import AnswerTooLarge, BadAddress, BrokenOff, HttpRefusal, Malformed, OutsideAddress, Unconnected

_MEANINGS: Final[tuple[tuple[type[Exception], type[ProviderError], str], ...]] = (
    (OutsideAddress, ProviderRefused, "its address is neither loopback nor private, so nothing was sent"),
    (Unconnected, ProviderRefused, "no connection could be made"),
    (BadAddress, ProviderMisconfigured, "its address is no URL"),
    (BrokenOff, ProviderBroken, "the connection broke off"),
    (Malformed, ProviderBroken, "the answer is malformed"),
    (MsgspecError, ProviderBroken, "the answer is malformed"),
    (RecursionError, ProviderBroken, "the answer is malformed"),
)


class HttpFailures(VendorFailures, frozen=True):
    """Around every call to a vendor; a `TimeoutError` has the message `late`."""

    late: str = "no answer in time"

    @abstractmethod
    def refused(self, refusal: HttpRefusal) -> ProviderError:
        """What another status than 200 means."""
        ...

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        provider = self.to.provider
        match error:
            case HttpRefusal():
                return self.refused(error)
            case TimeoutError():
                return ProviderTimeout(provider, self.late)
            case AnswerTooLarge():
                return ProviderBroken(provider, "the answer is larger than this gateway takes", doubtful=True)
        return next((kind(provider, meaning) for cause, kind, meaning in _MEANINGS if isinstance(error, cause)), None)


class ServerFailures(HttpFailures, frozen=True):
    """Around every call to a server that the operator names. `stated` gives the fields that the client stated."""

    stated: Callable[[], frozenset[str]] = frozenset

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        failure = super().failure(error)
        match error:
            case _ if failure is not None:
                return failure
            case ValueError():
                return ProviderBroken(self.to.provider, "the answer is malformed")
            case OSError():  # of a name that is looked up before anything is sent
                return ProviderRefused(self.to.provider, "no connection could be made")
        return None

    def elsewhere(self, refusal: HttpRefusal) -> ProviderError:
        """Of a status that refuses nothing."""
        why = f"the server sends elsewhere (status {refusal.status}), where nobody follows"
        return ProviderBroken(self.to.provider, why, status=refusal.status)
