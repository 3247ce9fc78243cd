"""What can go wrong, by meaning: one tree, independent of HTTP.

GatewayError
├── InvalidRequest            the caller's fault, with a path for each fault
├── UnknownModel
├── Unauthenticated
├── Forbidden
├── QuotaExceeded             the client's own quota
├── NoRoute                   no endpoint can take the request now, and why for each
├── Draining                  this process takes no more
├── Overloaded                nor does this one, for now
│   └── SlowReader            and it holds no more for a client that reads too slowly
├── DirectoryUnavailable      the keys can't be looked up
├── LimiterUnavailable        the quotas can't be looked up
└── ProviderError             a model failed
    ├── ProviderRejected      it refused the request itself; never retried
    │   └── ContextLengthExceeded
    ├── ProviderMisconfigured it refused our credentials, our model or what we added
    ├── ProviderThrottled     it asks us to wait
    │   └── ProviderOverloaded  its queue is full: it did nothing for this request
    ├── ProviderRefused       no connection was made, so nothing was sent
    │   └── OutOfDescriptors  for want of our own: the provider has no part in it
    ├── ProviderUnavailable   it answered that it is broken
    ├── ProviderTimeout       it did not answer in time
    └── ProviderBroken        it answered wrongly, or broke off

Messages are written for the client: they name fields, providers and models, and never hold content or a key.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from .quota import Decision, Limit
from .sequences import tuple_of


class Fault(Struct, frozen=True, kw_only=True):
    """One fault of a request. `path` is dotted with indices, such as `messages[0].content`; empty for the whole."""

    path: str
    message: str


class GatewayError(Exception):
    """Base of every error that the gateway raises on purpose.

    `message` may be shown to the client: it holds no content and no key. `retry_after` is when to try again, if known.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class InvalidRequest(GatewayError):
    """The request is malformed, or asks for what can't be honoured. `faults` has each fault with its field."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple_of(Fault, faults, "InvalidRequest.faults")
        super().__init__(
            "; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in self.faults)
        )

    @classmethod
    def at(cls, path: str, message: str) -> "InvalidRequest":
        """An error with one fault, of the field at `path`."""
        return cls([Fault(path=path, message=message)])


class UnknownModel(GatewayError):
    """No hint, provider or model has the name that the request gives."""


class Unauthenticated(GatewayError):
    """There is no key, a wrong one, or several that differ."""

    def __init__(self) -> None:
        super().__init__("Invalid or missing API Key")


class Forbidden(GatewayError):
    """The key is valid, but may not use this hint or model."""


class QuotaExceeded(GatewayError):
    """The client's own quota does not allow the request now; `decision` has the limits and the wait.

    `limit` is the one that was spent, `setting` where the operator set it.
    """

    def __init__(self, decision: Decision, limit: Limit = Limit.REQUESTS, setting: str = "") -> None:
        retry_after = timedelta(milliseconds=decision.retry_after_ms)
        words = f"Too many requests. Please wait before trying again. The limit of {limit.value} is spent"
        where = f" ({setting})" if setting else ""
        super().__init__(
            f"{words}{where}; there is room in {retry_after.total_seconds():g} seconds.", retry_after=retry_after
        )
        self.decision = decision
        self.limit = limit
        self.setting = setting


class NoRoute(GatewayError):
    """No endpoint can take the request now. `why` maps each endpoint's name to the reason."""

    def __init__(self, why: dict[str, str], *, retry_after: timedelta | None = None) -> None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in why.items())
        super().__init__(f"No endpoint can take this request. {reasons}".rstrip(), retry_after=retry_after)
        self.why = why


class Draining(GatewayError):
    """This process is about to stop, and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("This gateway is about to stop. Please try again.", retry_after=timedelta(seconds=1))


class Overloaded(GatewayError):
    """This process already has as many requests under way as it takes, of all clients or of this one."""

    def __init__(
        self,
        message: str = "This gateway has as much to do as it will take on.",
        *,
        retry_after: timedelta = timedelta(seconds=1),
    ) -> None:
        super().__init__(message, retry_after=retry_after)


class SlowReader(Overloaded):
    """Too much of all answers waits to be read, and of this one most of all, so that it was ended."""

    def __init__(self) -> None:
        super().__init__("The rest of this answer was given up: too much of what was answered waits to be read.")


class DirectoryUnavailable(GatewayError):
    """The directory of keys can't be reached, so the key is neither known nor refused."""


class LimiterUnavailable(GatewayError):
    """The quotas can't be reached, and policy forbids serving without them.

    `doubtful`: what was asked may have been carried out all the same.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, doubtful: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.doubtful = doubtful


class FailureReason(StrEnum):
    """The class of a provider's refusal or failure, as far as it told: a closed set for records, logs and metrics."""

    CONTEXT_LENGTH = "context_length"
    STATED_FIELD = "stated_field"
    """A field that the client stated."""
    ADDED_FIELD = "added_field"
    """A field that the gateway added."""
    REQUEST = "request"
    """The request, and nothing tells which part of it."""
    CREDENTIALS = "credentials"
    LOCATION = "location"
    BILLING = "billing"
    UNKNOWN_MODEL = "unknown_model"
    RETIRED_MODEL = "retired_model"
    RATE = "rate"
    DAY_QUOTA = "day_quota"
    NO_QUOTA = "no_quota"
    """The model is not in the account's tier."""
    QUEUE_FULL = "queue_full"
    CAPACITY = "capacity"
    OUT_OF_MEMORY = "out_of_memory"
    RUNNER_LOST = "runner_lost"
    LOAD_STALLED = "load_stalled"
    CANCELLED = "cancelled"
    GONE = "gone"
    UNUSABLE = "unusable"
    """The model's output could not be used."""
    TIMEOUT = "timeout"
    SERVER = "server"


class ProviderError(GatewayError):
    """A provider failed. Safe to show: the provider's name and what happened, never what was said.

    `doubtful`: it may be the request that it failed on. So nothing is held against the provider, whose other clients
    would pay for it, and it is asked again no more often than `repeats` says. `status` is the vendor's HTTP status and
    `reason` the class of the failure, where they are known. `out_until`: the endpoint answers nobody before this Unix
    time, so it is not to be asked.
    """

    def __init__(
        self,
        provider: str,
        message: str,
        *,
        retry_after: timedelta | None = None,
        doubtful: bool = False,
        repeats: int = 0,
        status: int | None = None,
        reason: FailureReason | None = None,
        out_until: float | None = None,
    ) -> None:
        super().__init__(f"{provider}: {message}", retry_after=retry_after)
        self.provider = provider
        self.doubtful = doubtful
        self.repeats = repeats
        self.status = status
        self.reason = reason
        self.out_until = out_until


class ProviderRejected(ProviderError):
    """The provider refuses this request, and would again: it is never retried.

    `path` is the request's field at fault, None where it is not known; `complaint` is what is said of it. `doubtful`:
    the provider itself may be at fault, so another endpoint may be asked.
    """

    def __init__(
        self,
        provider: str,
        message: str,
        *,
        path: str | None = None,
        retry_after: timedelta | None = None,
        doubtful: bool = False,
        status: int | None = None,
        reason: FailureReason | None = None,
    ) -> None:
        said = f"{path}: {message}" if path else message
        self.complaint = message
        super().__init__(provider, said, retry_after=retry_after, doubtful=doubtful, status=status, reason=reason)
        self.path = path


class ContextLengthExceeded(ProviderRejected):
    """Prompt and answer together don't fit the model's context. Its length, `limit`, and the prompt's, `tokens`, are
    in tokens, where the vendor tells them.

    Another endpoint with a longer context may take it.
    """

    def __init__(
        self,
        provider: str,
        message: str,
        *,
        path: str | None = None,
        retry_after: timedelta | None = None,
        status: int | None = None,
        limit: int | None = None,
        tokens: int | None = None,
    ) -> None:
        super().__init__(
            provider,
            message,
            path=path,
            retry_after=retry_after,
            status=status,
            reason=FailureReason.CONTEXT_LENGTH,
        )
        self.limit = limit
        self.tokens = tokens


class ProviderMisconfigured(ProviderError):
    """The operator's fault, or ours: wrong credentials, a model that the provider does not have, or one that refuses
    what the adapter added to the request by itself.
    """


class ProviderThrottled(ProviderError):
    """The provider is busy or limits our rate; `retry_after` is what it asks for, if it does."""


class ProviderOverloaded(ProviderThrottled):
    """The provider's queue is full: nothing was done for the request, which is asked again until its deadline."""


class ProviderRefused(ProviderError):
    """No connection to the provider was made, so nothing was sent, and another endpoint can be asked at once."""


class OutOfDescriptors(ProviderRefused):
    """This process has no file descriptor left for a connection: nothing is held against the provider."""


class ProviderUnavailable(ProviderError):
    """The provider says that it can't answer now (HTTP 5xx), or its open breaker keeps it from being asked."""


class ProviderTimeout(ProviderError):
    """The provider did not answer, or did not go on answering, in time."""

    moved_on = False
    """Whoever asked could ask another endpoint instead, and waited less for this one."""


class ProviderBroken(ProviderError):
    """The provider's answer was malformed, or broke off before its terminal mark."""
