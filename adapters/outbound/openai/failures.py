"""What goes wrong with a call, as our own errors: by class and status; by text only as `refusals` says."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import structs
from typing_extensions import override

from llm_gateway.application.vendor_failures import retry_after
from llm_gateway.application.vendor_signs import Told, error_of
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from llm_gateway.domain.parameters import Place
from llm_gateway.domain.stated import is_stated

from ..vendor_http.errors import HttpRefusal
from ..vendor_http.failures import ServerFailures
from .refusals import MODEL, FaultInAnswer, told_by


class SpokenFailures(ServerFailures, frozen=True):
    """`places` are where the request held what its client stated."""

    places: Mapping[str, Place] = {}

    @override
    def refused(self, refusal: HttpRefusal) -> ProviderError:
        what, named = told_by(refusal.status, refusal.body) if refusal.status >= 400 else (None, None)
        if what is None:
            return self.elsewhere(refusal)
        path = self._path(named) if named and what.sign.reason is FailureReason.REQUEST else None
        if path is not None:
            why, reason = "the server refuses it", FailureReason.STATED_FIELD
            return ProviderRejected(self.to.provider, why, path=path, status=what.status, reason=reason)
        return self._told(what, retry_after(refusal.retry_after, self.now()))

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        match error:
            case FaultInAnswer(what=Told() as what):
                return self._told(what, None)
            case FaultInAnswer():
                why = "the server reports an error in its answer"
                return ProviderUnavailable(self.to.provider, why, reason=FailureReason.SERVER)
        return super().failure(error)

    def _told(self, what: Told, wait: timedelta | None) -> ProviderError:
        if what.sign.reason is FailureReason.UNKNOWN_MODEL:
            what = structs.replace(
                what, sign=structs.replace(what.sign, says=what.sign.says.replace(MODEL, self.to.model))
            )
        return error_of(self.to.provider, what, self.stated(), retry_after=wait)

    def _path(self, named: str) -> str | None:
        """Ours for the server's name of a field, where the client stated it."""
        head = named.partition("[")[0].partition(".")[0]
        stated = self.stated()
        paths = (field.partition(":")[0] for field, place in self.places.items() if place.at.partition("[")[0] == head)
        return next((path for path in paths if is_stated(path, stated)), None)
