"""What goes wrong with a call, as our own errors: by class and status; by text only as `refusals` says."""

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

from ..vendor_http.errors import HttpRefusal
from ..vendor_http.failures import ServerFailures
from .refusals import MODEL, TOO_LONG, UNKNOWN_SCHEMA, ReportedError, told_by

QUEUE_WAIT = timedelta(seconds=1)
"""The least wait where the server's queue is full, which says nothing of when it will have room."""


class OllamaFailures(ServerFailures, frozen=True):
    """`shaped`: the request holds a JSON Schema. `embeds`: it is for embeddings."""

    shaped: bool = False
    embeds: bool = False

    @override
    def refused(self, refusal: HttpRefusal) -> ProviderError:
        what = told_by(refusal.status, refusal.body) if refusal.status >= 400 else None
        if what is None:
            return self.elsewhere(refusal)
        return self._refused(what, retry_after(refusal.retry_after, self.now()))

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        match error:
            case ReportedError(what=Told() as what):
                return self._refused(what, None)
            case ReportedError():
                why = "the server reports an error in its answer"
                reason = FailureReason.SERVER
                return ProviderUnavailable(self.to.provider, why, doubtful=self.shaped, reason=reason)
        return super().failure(error)

    def _refused(self, what: Told, wait: timedelta | None) -> ProviderError:
        sign, status, stated = what.sign, what.status, self.stated()
        match sign.reason:
            case FailureReason.REQUEST if status == 400 and self.embeds:
                sign = TOO_LONG
            case FailureReason.REQUEST if status == 400 and self.shaped:
                sign = UNKNOWN_SCHEMA
            case FailureReason.SERVER if status == 500 and self.shaped:
                # a server that broke has this status too, so another endpoint may be asked
                return ProviderRejected(
                    self.to.provider,
                    UNKNOWN_SCHEMA.says,
                    path=next((path for path in UNKNOWN_SCHEMA.paths if path in stated), None),
                    doubtful=True,
                    status=status,
                    reason=FailureReason.STATED_FIELD,
                )
            case FailureReason.QUEUE_FULL:
                wait = wait or QUEUE_WAIT
            case FailureReason.UNKNOWN_MODEL:
                sign = structs.replace(sign, says=sign.says.replace(MODEL, self.to.model))
        return error_of(self.to.provider, structs.replace(what, sign=sign), stated, retry_after=wait)
