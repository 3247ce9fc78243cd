"""From the vendor's exceptions to ours: by class, numeric status and structured details, never by message text."""

from collections.abc import Callable, Iterator, Mapping
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

from .connection import TooLarge

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


class translated(VendorFailures):
    """Around every call to the SDK."""

    def __init__(self, provider: str, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._provider = provider

    @override
    def failure(self, error: Exception, now: float) -> ProviderError:
        return failure_of(self._provider, error, now)


def failure_of(provider: str, error: Exception, now: float) -> ProviderError:
    if isinstance(error, APIError):
        return _refusal(provider, error, now)
    if isinstance(error, TooLarge):
        return ProviderBroken(provider, "the answer is larger than this gateway takes", doubtful=True)
    kind, meaning = next((kind, meaning) for cause, kind, meaning in _BY_CLASS if isinstance(error, cause))
    return kind(provider, meaning)


def credentials_refused(error: Exception) -> bool:
    """A wrong key is answered with 400, and told from a wrong request by the reason in the details."""
    if not isinstance(error, APIError):
        return False
    return error.code in (401, 403) or (error.code == 400 and _reason(error) == "API_KEY_INVALID")


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


def _details(error: APIError) -> Iterator[Mapping[str, object]]:
    match error.details:
        case {"error": {"details": [*details]}} | {"details": [*details]}:
            yield from (detail for detail in details if isinstance(detail, dict))


def _reason(error: APIError) -> object:
    return next((detail["reason"] for detail in _details(error) if "reason" in detail), None)


def _retry_after(error: APIError, now: float) -> timedelta | None:
    headers = getattr(error.response, "headers", None)
    header = headers.get("Retry-After") if headers is not None else None
    wait = retry_after(header, now) if isinstance(header, str) else None
    if wait is not None:
        return wait
    delays = (detail.get("retryDelay") for detail in _details(error))
    delay = next((delay for delay in delays if isinstance(delay, str)), "")
    return seconds_of(delay.removesuffix("s"))
