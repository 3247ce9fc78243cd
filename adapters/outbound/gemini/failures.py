"""From the vendor's exceptions to ours: by class, status and details; by text only as `refusals` says."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import aiohttp
from google.genai.errors import APIError
from typing_extensions import override

from llm_gateway.application.vendor_failures import VendorFailures, retry_after, seconds_of
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)

from .connection import GeminiTooLarge
from .refusals import details_of, refused_field

_log = logging.getLogger(__name__)

_BY_STATUS: Final[Mapping[int, tuple[type[ProviderError], str]]] = {
    401: (ProviderMisconfigured, "the credentials are refused"),
    403: (ProviderMisconfigured, "the credentials are refused"),
    404: (ProviderMisconfigured, "the model or the address is unknown there"),
    408: (ProviderTimeout, "no answer in time"),
    429: (ProviderThrottled, "asks to wait"),
    504: (ProviderTimeout, "no answer in time"),
}
_BY_CLASS: Final[tuple[tuple[type[Exception], type[ProviderError], str], ...]] = (
    (aiohttp.ConnectionTimeoutError, ProviderRefused, "no connection in time"),
    (aiohttp.ClientConnectorError, ProviderRefused, "no connection"),  # DNS and TLS too: nothing was sent
    (TimeoutError, ProviderTimeout, "no answer in time"),
    (aiohttp.InvalidURL, ProviderMisconfigured, "its address is not valid"),
    (aiohttp.ClientError, ProviderBroken, "the connection broke off"),
    (Exception, ProviderBroken, "the answer can't be read"),  # whatever the SDK trips over
)


class GeminiFailures(VendorFailures, frozen=True):
    """Around every call to the SDK. `unstated`: the fields that the gateway may have added to the request by itself.

    A refusal of one of them is the gateway's fault: another endpoint may answer, and the operator is warned.
    """

    unstated: frozenset[str] = frozenset()

    @override
    def failure(self, error: Exception) -> ProviderError:
        field = _refused_field(error)
        if field is None:
            return failure_of(self.to.provider, error, self.now())
        if field not in self.unstated:
            return ProviderRejected(self.to.provider, "the model refuses it", path=field)
        _log.warning("%s refuses what this gateway adds to a request: %s", self.to.name, field)
        return ProviderMisconfigured(self.to.provider, f"the model refuses the {field} that this gateway adds")


def failure_of(provider: str, error: Exception, now: float) -> ProviderError:
    if isinstance(error, APIError):
        return _refusal(provider, error, now)
    if isinstance(error, GeminiTooLarge):
        return ProviderBroken(provider, "the answer is larger than this gateway takes", doubtful=True)
    kind, meaning = next((kind, meaning) for cause, kind, meaning in _BY_CLASS if isinstance(error, cause))
    return kind(provider, meaning)


def credentials_refused(error: Exception) -> bool:
    """A wrong key is answered with 400, and distinguished from a wrong request by the reason in the details."""
    if not isinstance(error, APIError):
        return False
    return error.code in (401, 403) or (error.code == 400 and _reason(error) == "API_KEY_INVALID")


def _refused_field(error: Exception) -> str | None:
    return refused_field(error) if isinstance(error, APIError) and error.code == 400 else None


def _refusal(provider: str, error: APIError, now: float) -> ProviderError:
    code = error.code if isinstance(error.code, int) else 0
    if credentials_refused(error):
        return ProviderMisconfigured(provider, "the credentials are refused")
    if code == 400 and error.status == "FAILED_PRECONDITION":
        return ProviderMisconfigured(provider, "the account may not use it from here")
    if code in _BY_STATUS:
        kind, meaning = _BY_STATUS[code]
    elif 500 <= code <= 599:
        kind, meaning = ProviderUnavailable, f"answered {code}"
    elif 400 <= code <= 499:
        kind, meaning = ProviderRejected, f"refused the request with {code}"
    elif 300 <= code <= 399:
        kind, meaning = ProviderMisconfigured, "redirects, which is not followed"
    else:
        kind, meaning = ProviderBroken, "the answer can't be read"
    wait = _retry_after(error, now) if issubclass(kind, ProviderThrottled | ProviderUnavailable) else None
    return kind(provider, meaning, retry_after=wait)


def _reason(error: APIError) -> object:
    return next((detail["reason"] for detail in details_of(error) if "reason" in detail), None)


def _retry_after(error: APIError, now: float) -> timedelta | None:
    headers = getattr(error.response, "headers", None)
    header = headers.get("Retry-After") if headers is not None else None
    wait = retry_after(header, now) if isinstance(header, str) else None
    if wait is not None:
        return wait
    delays = (detail.get("retryDelay") for detail in details_of(error))
    delay = next((delay for delay in delays if isinstance(delay, str)), "")
    return seconds_of(delay.removesuffix("s"))
