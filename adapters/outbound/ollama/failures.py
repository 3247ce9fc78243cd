"""What the vendor's library raises, as our own errors: by class and numeric status, never by its messages."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import aiohttp
import httpx
import ollama
from typing_extensions import override

from llm_gateway.application.vendor_failures import VendorFailures, retry_after
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.routing import EndpointId

from .transport import Malformed, OllamaTooLarge, OutsideAddress, Refusal

_UNCONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror)

# what the SDK raises on a line that is no JSON, no object, or an object of another shape, and on one nested too deep
_MALFORMED = (Malformed, ValueError, TypeError, AttributeError, RecursionError)


class OllamaFailures(VendorFailures, frozen=True):
    """Around every call to the SDK; a `TimeoutError` has the message `late`.

    `shaped`: the request holds a JSON Schema; one that the server can't digest has the status of a server that broke.
    """

    late: str = "no answer in time"
    shaped: bool = False

    @override
    def failure(self, error: Exception) -> ProviderError | None:
        if type(error) is TimeoutError:
            return ProviderTimeout(self.to.provider, self.late)
        return _told(error, self.to, self.now(), shaped=self.shaped)


def _told(error: Exception, to: EndpointId, now: float, *, shaped: bool) -> ProviderError | None:
    name = type(error).__name__
    match error:
        case Refusal(overflow=True):
            return ContextLengthExceeded(to.provider, "the prompt does not fit the model's context")
        case Refusal(busy=True, retry_after=header):
            return ProviderThrottled(to.provider, "the server's queue is full", retry_after=retry_after(header, now))
        case Refusal(status=status, retry_after=header):
            return _by_status(status, to, retry_after(header, now), shaped=shaped)
        case OllamaTooLarge():
            return ProviderBroken(to.provider, "the answer is larger than this gateway takes", doubtful=True)
        case ollama.ResponseError():  # only inside a stream: the transport keeps every other from the SDK
            return ProviderUnavailable(to.provider, "the server reports an error in its answer", doubtful=shaped)
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


def _by_status(status: int, to: EndpointId, wait: timedelta | None, *, shaped: bool) -> ProviderError:
    match status:
        case 401 | 403:
            return ProviderMisconfigured(to.provider, f"the server refuses access (status {status})")
        case 404:
            return ProviderMisconfigured(to.provider, f"the model is not pulled: run `ollama pull {to.model}`")
        case 408 | 504:
            return ProviderTimeout(to.provider, f"no answer in time (status {status})", retry_after=wait)
        case 429:
            return ProviderThrottled(to.provider, "the server asks to wait", retry_after=wait)
        case 400:
            # Overflow of the context has this status too, and from older servers only text of its own.
            return ProviderRejected(
                to.provider, "the server refuses the request (status 400): a parameter, or a prompt beyond the context"
            )
        case 500 if shaped:
            why = "the server failed (status 500), as it does for a JSON Schema that it can't digest"
            return ProviderUnavailable(to.provider, why, retry_after=wait, doubtful=True)
        case _ if status >= 500:
            return ProviderUnavailable(to.provider, f"the server failed (status {status})", retry_after=wait)
        case _ if status >= 400:
            return ProviderRejected(to.provider, f"the server refuses the request (status {status})")
        case _:
            return ProviderBroken(to.provider, f"the server sends elsewhere (status {status}), where nobody follows")
