"""From the vendor's exceptions to ours: by class, numeric status and structured details, never by message text."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final

import aiohttp
from google.genai.errors import APIError
from typing_extensions import override

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

LONGEST_RETRY_AFTER: Final = timedelta(days=1)
"""A vendor that asks for more is taken to mean this."""

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


class translated(AbstractContextManager[None]):
    """Turns what the vendor's SDK raises into a `ProviderError`; `now` is Unix time, for waits given as a date.

    A class, because the frames of a generator's would hold the vendor's exception for whoever prints their locals: it
    quotes the answer, and holds the request with its key.
    """

    def __init__(self, provider: str, now: float) -> None:
        self._provider = provider
        self._now = now

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, ProviderError):
            return
        failure = failure_of(self._provider, error, self._now)
        del error, trace
        try:
            raise failure from None
        finally:
            failure.__context__ = None


def failure_of(provider: str, error: Exception, now: float) -> ProviderError:
    if isinstance(error, APIError):
        return _refusal(provider, error, now)
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
    retry_after = _retry_after(error, now) if issubclass(kind, ProviderThrottled | ProviderUnavailable) else None
    return kind(provider, meaning, retry_after=retry_after)


def _details(error: APIError) -> Iterator[Mapping[str, object]]:
    match error.details:
        case {"error": {"details": [*details]}} | {"details": [*details]}:
            yield from (detail for detail in details if isinstance(detail, dict))


def _reason(error: APIError) -> object:
    return next((detail["reason"] for detail in _details(error) if "reason" in detail), None)


def _retry_after(error: APIError, now: float) -> timedelta | None:
    headers = getattr(error.response, "headers", None)
    header = headers.get("Retry-After") if headers is not None else None
    seconds = _seconds(header, now) if isinstance(header, str) else None
    if seconds is None:
        delays = (detail.get("retryDelay") for detail in _details(error))
        delay = next((delay for delay in delays if isinstance(delay, str)), "")
        seconds = _decimal(delay.removesuffix("s"))
    if seconds is None:
        return None
    return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def _seconds(header: str, now: float) -> float | None:
    """Seconds or a date; a date that is past says to wait no longer."""
    seconds = _decimal(header)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _decimal(text: str) -> float | None:
    whole, _, fraction = text.strip().partition(".")
    plain = whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))
    return float(text) if plain else None
