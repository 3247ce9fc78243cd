"""What the vendor's library raises, as our own errors: by class and status; by text only as `refusals` says."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import aiohttp
import httpx
import ollama
from msgspec import structs
from typing_extensions import override

from llm_gateway.application.vendor_failures import VendorFailures, retry_after
from llm_gateway.application.vendor_signs import Told, error_of
from llm_gateway.domain.errors import (
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.routing import EndpointId

from ..vendor_http.errors import OutsideAddress
from .refusals import MODEL, TOO_LONG, UNKNOWN_SCHEMA, told_within
from .transport import Malformed, OllamaTooLarge, Refusal

QUEUE_WAIT = timedelta(seconds=1)
"""The least wait where the server's queue is full, which says nothing of when it will have room."""

_UNCONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror)

# what the SDK raises on a line that is no JSON, no object, or an object of another shape, and on one nested too deep
_MALFORMED = (Malformed, ValueError, TypeError, AttributeError, RecursionError)


class OllamaFailures(VendorFailures, frozen=True):
    """Around every call to the SDK; a `TimeoutError` has the message `late`.

    `stated` gives the fields of the request that its client stated. `shaped`: it holds a JSON Schema. `embeds`: it is
    for embeddings.
    """

    late: str = "no answer in time"
    shaped: bool = False
    stated: Callable[[], frozenset[str]] = frozenset
    embeds: bool = False

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        match error:
            case TimeoutError() if type(error) is TimeoutError:
                return ProviderTimeout(self.to.provider, self.late)
            case Refusal(what=None, status=status):
                elsewhere = f"the server sends elsewhere (status {status}), where nobody follows"
                return ProviderBroken(self.to.provider, elsewhere, status=status)
            case Refusal(what=Told() as what):
                return self._refused(what, retry_after(error.retry_after, self.now()))
            case ollama.ResponseError():  # only inside a stream: the transport keeps every other from the SDK
                within = told_within(error.error)
                if within is not None:
                    return self._refused(within, None)
                why = "the server reports an error in its answer"
                reason = FailureReason.SERVER
                return ProviderUnavailable(self.to.provider, why, doubtful=self.shaped, reason=reason)
        return _told(error, self.to)

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


def _told(error: Exception, to: EndpointId) -> ProviderError | None:
    name = type(error).__name__
    match error:
        case OllamaTooLarge():
            return ProviderBroken(to.provider, "the answer is larger than this gateway takes", doubtful=True)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return ProviderMisconfigured(to.provider, "its address is no URL")
        case httpx.TransportError() | OSError():
            return _by_transport(error, to, name)
        case aiohttp.ClientError() | httpx.HTTPError() | httpx.StreamError():
            return ProviderBroken(to.provider, f"the connection broke off ({name})")
        case _ if isinstance(error, _MALFORMED):
            return ProviderBroken(to.provider, f"the answer is malformed ({name})")
    return None


def _by_transport(error: Exception, to: EndpointId, name: str) -> ProviderError:
    """httpx-aiohttp calls every lost connection a timeout to connect: what aiohttp said stands behind it."""
    behind = tuple(_chain(error))
    if any(isinstance(one, OutsideAddress) for one in behind):
        return ProviderRefused(to.provider, "its address is neither loopback nor private, so nothing was sent")
    if any(isinstance(one, _UNCONNECTED) for one in behind):
        return ProviderRefused(to.provider, "no connection could be made")
    if any(isinstance(one, aiohttp.ClientConnectionError) for one in behind) and not any(
        isinstance(one, aiohttp.ServerTimeoutError) for one in behind
    ):
        return ProviderBroken(to.provider, "the connection broke off")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return ProviderTimeout(to.provider, "no answer in time")
    if isinstance(error, httpx.ConnectError) or error.__class__ is ConnectionError:
        return ProviderRefused(to.provider, "no connection could be made")
    return ProviderBroken(to.provider, f"the connection broke off ({name})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised for, as deep as wrapping goes."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
