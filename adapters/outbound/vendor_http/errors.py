"""What goes wrong between a vendor and us, whichever client carries the call. Out of time is `TimeoutError`."""

from collections.abc import Iterator
from typing import Final

MAX_REFUSAL_BYTES: Final = 64 * 1024


class VendorHttpError(Exception):
    """The base of the errors below. None holds more of the request or the answer than it names."""


class BadAddress(VendorHttpError):
    """The vendor's address is no URL of an HTTP server."""


class Unconnected(VendorHttpError):
    """No connection could be made, so that nothing was sent: the name, the port, TLS or the time for them."""


class OutsideAddress(VendorHttpError, OSError):
    """The name leads to an address that is neither loopback nor private, and was to. Nothing was sent."""


class BrokenOff(VendorHttpError):
    """The connection was lost, or closed by us, before the answer was whole."""


class Malformed(VendorHttpError):
    """The answer is no HTTP, comes in an encoding that was not asked for, or is not framed as agreed."""


class AnswerTooLarge(VendorHttpError):
    """The vendor sends more than an answer can be."""


class HttpRefusal(VendorHttpError):
    """An answer with another status than 200; redirects are among them, as none is followed.

    `body` has at most its first `MAX_REFUSAL_BYTES`, and may quote the prompt: it is no part of the message.
    """

    def __init__(self, status: int, retry_after: str | None = None, body: bytes = b"") -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.retry_after = retry_after
        self.body = body


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised for, as deep as wrapping goes."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
