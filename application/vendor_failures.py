"""What providers' adapters share in telling their vendors' failures: nothing of the vendor's own is kept."""

import errno
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType

from msgspec import Struct

from llm_gateway.domain.errors import OutOfDescriptors, ProviderError
from llm_gateway.domain.routing import EndpointId

_DEPTH = 8
"""As deep as wrapping goes."""
LONGEST_RETRY_AFTER = timedelta(days=1)
"""A vendor that asks for more is taken to mean this."""


class VendorFailures(Struct, frozen=True):
    """Around calls to a vendor: turns what they raise into a `ProviderError`. One serves all parts of a call.

    The vendor's exception quotes prompts and answers, and holds the request with its key: it is kept neither as cause
    or context, nor in a frame, as a generator's would, for whoever prints their locals.
    """

    to: EndpointId
    now: Callable[[], float]
    """The Unix time, for waits that are given as a date."""

    @abstractmethod
    def failure(self, error: Exception) -> ProviderError | None:
        """None for what is not the vendor's, and is raised as it is."""
        ...

    def _own_lack(self) -> ProviderError:
        why = "this gateway has no file descriptor left for a connection to it"
        return OutOfDescriptors(self.to.provider, why, retry_after=timedelta(seconds=1), doubtful=True)

    def __enter__(self) -> None:
        """Nothing to begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, ProviderError):
            return
        failure = self._own_lack() if _wants_descriptors(error) else self.failure(error)
        if failure is None:
            return
        del error, trace
        try:
            raise failure from None
        finally:
            failure.__context__ = None


def _wants_descriptors(error: BaseException) -> bool:
    """Whether it was raised, however wrapped, for a process or a system without a file descriptor left."""
    seen: BaseException | None = error
    for _ in range(_DEPTH):
        if isinstance(seen, OSError) and seen.errno in (errno.EMFILE, errno.ENFILE):
            return True
        seen = None if seen is None else seen.__cause__ or seen.__context__
    return False


def retry_after(header: str | None, now: float) -> timedelta | None:
    """Seconds or an HTTP date, between nothing and a day; None for what is neither."""
    if header is None:
        return None
    wait = seconds_of(header)
    if wait is not None:
        return wait
    try:
        at = parsedate_to_datetime(header.strip())
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(at - datetime.fromtimestamp(now, UTC), timedelta()), LONGEST_RETRY_AFTER)


def seconds_of(text: str) -> timedelta | None:
    """Plain decimal seconds, a day at most; None for anything else."""
    whole, _, fraction = text.strip().partition(".")
    plain = whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))
    return timedelta(seconds=min(float(text), LONGEST_RETRY_AFTER.total_seconds())) if plain else None
