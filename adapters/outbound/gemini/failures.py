"""From what goes wrong at the vendor to our errors: by class, status and details; by text only as `refusals` says."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from typing_extensions import override

from llm_gateway.application.vendor_signs import Sign, Told, error_of, index_in, told
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from llm_gateway.domain.stated import is_stated

from ..vendor_http.errors import HttpRefusal
from ..vendor_http.failures import HttpFailures
from .details import GeminiError, fields_of, reasons_of, told_by
from .quotas import is_by_the_day, least_wait, out_until, wait_of
from .refusals import PATHS, PER_DAY, SIGNS

_OF_THE_ACCOUNT: Final = (FailureReason.CREDENTIALS, FailureReason.LOCATION)
"""What the vendor tells of no field: beside one, words of it are quoted from the request."""
_INDICES: Final = re.compile(r"\[[0-9]+\]")


class GeminiFailures(HttpFailures, frozen=True, kw_only=True):
    """Around every call to the vendor. `stated` gives the fields of the request that its client stated.

    A refusal of any other is the gateway's fault: another endpoint may answer, and the operator is told.
    """

    stated: Callable[[], frozenset[str]] = frozenset

    @override
    def refused(self, refusal: HttpRefusal) -> ProviderError:
        return _refusal(self.to.provider, told_by(refusal), self.now(), self.stated())

    @override
    def failure(self, error: Exception) -> ProviderError:
        return super().failure(error) or ProviderBroken(self.to.provider, "the answer is malformed")


def credentials_refused(error: Exception) -> bool:
    """A wrong key is answered with 400 too, and distinguished from a wrong request by its reason or its words."""
    what = _told(told_by(error)) if isinstance(error, HttpRefusal) else None
    return what is not None and what.sign.reason is FailureReason.CREDENTIALS


def _refusal(provider: str, error: GeminiError, now: float, stated: frozenset[str]) -> ProviderError:
    what = _told(error)
    if what is None:
        if 300 <= error.status < 400:
            return ProviderMisconfigured(provider, "redirects, which is not followed", status=error.status)
        return ProviderBroken(provider, "the answer is malformed")
    if error.status == 500 and is_stated("response_format", stated):
        # some schemas fail so each time, and nothing tells them from a server that broke
        why, reason = "its server failed (status 500), as it does for some JSON Schemas", what.sign.reason
        return ProviderUnavailable(provider, why, doubtful=True, repeats=1, status=500, reason=reason)
    wait = wait_of(error, now)
    if error.status == 429:
        wait = least_wait(error, wait)
    out = out_until(what.sign, wait, now)
    if out is not None:
        wait = timedelta(seconds=out - now)
    return error_of(provider, what, stated, retry_after=wait, out_until=out)


def _told(error: GeminiError) -> Told | None:
    codes = frozenset((*reasons_of(error), *((PER_DAY,) if is_by_the_day(error) else ())))
    what = told(SIGNS, error.status, error.message, codes)
    fields = tuple(fields_of(error))
    if what is None or not fields or error.status != 400:
        return what
    by_words_alone = what.sign.code is None and what.sign.reason in _OF_THE_ACCOUNT
    if not by_words_alone and what.sign.reason not in (FailureReason.STATED_FIELD, FailureReason.REQUEST):
        return what
    return _of_fields(what, fields)


def _of_fields(what: Told, fields: Sequence[str]) -> Told:
    """By the vendor's paths, which are surer than its words; what stands at none of ours is the gateway's own."""
    paths, says = tuple(filter(None, map(_ours, fields))), "the model refuses it"
    if set(paths) & set(what.sign.paths):
        says = what.sign.says
    index = next((number for field in fields if (number := index_in(field)) is not None), what.index)
    sign = Sign(reason=FailureReason.STATED_FIELD, says=says, paths=paths)
    return Told(status=what.status, sign=sign, index=index)


def _ours(field: str) -> str:
    plain = _INDICES.sub("", field).replace("_", "").lower()
    return next((path for begin, path in PATHS if plain.startswith(begin)), "")
