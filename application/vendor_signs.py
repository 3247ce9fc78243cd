"""How a vendor's refusals and failures are known, and what they mean in our own words: one form of table for all.

A vendor's text is compared with known fragments and passed on to nobody, as it may quote the prompt.
"""

import re
from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

from msgspec import Struct

from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    FailureReason,
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.stated import is_stated

_R = FailureReason

KINDS: Final[Mapping[FailureReason, type[ProviderError]]] = {
    _R.CONTEXT_LENGTH: ContextLengthExceeded,
    _R.STATED_FIELD: ProviderRejected,
    _R.ADDED_FIELD: ProviderMisconfigured,
    _R.REQUEST: ProviderRejected,
    _R.CREDENTIALS: ProviderMisconfigured,
    _R.LOCATION: ProviderMisconfigured,
    _R.BILLING: ProviderMisconfigured,
    _R.UNKNOWN_MODEL: ProviderMisconfigured,
    _R.RETIRED_MODEL: ProviderMisconfigured,
    _R.RATE: ProviderThrottled,
    _R.DAY_QUOTA: ProviderThrottled,
    _R.NO_QUOTA: ProviderThrottled,
    _R.QUEUE_FULL: ProviderOverloaded,
    _R.CAPACITY: ProviderUnavailable,
    _R.OUT_OF_MEMORY: ProviderUnavailable,
    _R.RUNNER_LOST: ProviderUnavailable,
    _R.LOAD_STALLED: ProviderUnavailable,
    _R.CANCELLED: ProviderBroken,
    _R.GONE: ProviderBroken,
    _R.UNUSABLE: ProviderBroken,
    _R.TIMEOUT: ProviderTimeout,
    _R.SERVER: ProviderUnavailable,
}
"""The error that each reason is."""
_DOUBTFUL: Final[Mapping[FailureReason, int]] = {_R.CANCELLED: 1, _R.GONE: 0, _R.UNUSABLE: 0}
"""What says nothing of the endpoint's health, and how often it is worth asking again."""

_BARE: Final = frozenset((_R.REQUEST, _R.SERVER))
"""Of which the status tells more than the reason does."""

_LIMIT: Final = re.compile(r"(?:tokens allowed|context size|context length)(?: is)?\W{0,3}([0-9]{1,9})\b")
_TOKENS: Final = re.compile(r"(?:input token count|request)\W{1,3}([0-9]{1,9})\b")
_INDEX: Final = re.compile(r"function_?declarations\[([0-9]{1,6})\]")

BAD_REQUEST: Final = (400,)
ANY: Final = range(400, 600)


class Sign(Struct, frozen=True, kw_only=True):
    """One way in which a vendor fails: known by its status and by `words`, fragments in lower case that stand together
    in its text, or by a structured `code`. `says` is what it means, in our own words.

    `paths` are the client's fields that it may be about, with `[]` for any item; the first that the client stated is at
    fault, and where it stated none, the gateway is, which added it. `out`: the endpoint answers nobody before the
    vendor's next reset.
    """

    reason: FailureReason
    says: str
    words: tuple[str, ...] = ()
    code: str | None = None
    statuses: Container[int] = BAD_REQUEST
    paths: tuple[str, ...] = ()
    out: bool = False

    def fits(self, status: int | None, text: str, codes: AbstractSet[str]) -> bool:
        """`text` is in lower case. Without a status, as of an error inside a stream, only what was said counts."""
        if status is None:
            if not self.words and self.code is None:
                return False
        elif status not in self.statuses:
            return False
        return (self.code is None or self.code in codes) and all(word in text for word in self.words)


class Told(Struct, frozen=True, kw_only=True):
    """What a vendor told of a failure, without its text: it may be kept, logged and shown.

    `index` is the item at fault of the request's tools, `limit` the context's length and `tokens` the prompt's, in
    tokens, if they are told.
    """

    status: int | None
    sign: Sign
    index: int | None = None
    limit: int | None = None
    tokens: int | None = None


def told(signs: Sequence[Sign], status: int | None, text: str, codes: AbstractSet[str] = frozenset()) -> Told | None:
    """The first sign that fits; None where none does. `codes` are what the vendor states beside its text."""
    lowered = text.lower()
    sign = next((sign for sign in signs if sign.fits(status, lowered, codes)), None)
    if sign is None:
        return None
    limit, tokens = _number(_LIMIT, lowered), _number(_TOKENS, lowered)
    return Told(status=status, sign=sign, index=index_in(lowered), limit=limit, tokens=tokens)


def index_in(text: str) -> int | None:
    """The number of the tool that a vendor's path names."""
    return _number(_INDEX, text.lower())


def error_of(
    provider: str,
    what: Told,
    stated: AbstractSet[str],
    *,
    retry_after: timedelta | None = None,
    out_until: float | None = None,
) -> ProviderError:
    """The error that a provider's adapter raises. `stated` are the fields that the client stated."""
    sign, status = what.sign, what.status
    if sign.reason is FailureReason.STATED_FIELD:
        return _of_a_field(provider, what, stated)
    if sign.reason is FailureReason.CONTEXT_LENGTH:
        return ContextLengthExceeded(provider, sign.says, status=status, limit=what.limit, tokens=what.tokens)
    says = f"{sign.says} (status {status})" if sign.reason in _BARE and status is not None else sign.says
    if sign.reason is FailureReason.REQUEST:
        return ProviderRejected(provider, says, status=status, reason=sign.reason)
    kind = KINDS[sign.reason]
    return kind(
        provider,
        says,
        retry_after=retry_after
        if issubclass(kind, ProviderThrottled | ProviderUnavailable | ProviderTimeout)
        else None,
        doubtful=sign.reason in _DOUBTFUL,
        repeats=_DOUBTFUL.get(sign.reason, 0),
        status=status,
        reason=sign.reason,
        out_until=out_until,
    )


def _of_a_field(provider: str, what: Told, stated: AbstractSet[str]) -> ProviderError:
    sign = what.sign
    path = next((path for path in sign.paths if is_stated(path, stated)), None)
    if path is not None:
        return ProviderRejected(
            provider, sign.says, path=_placed(path, what.index), status=what.status, reason=sign.reason
        )
    field = sign.paths[0].partition("[]")[0] if sign.paths else "a field"
    return ProviderMisconfigured(
        provider,
        f"the model refuses what this gateway adds to a request by itself: {field}",
        status=what.status,
        reason=FailureReason.ADDED_FIELD,
    )


def _placed(path: str, index: int | None) -> str:
    """A path with the item's index; the whole list, where the vendor tells none."""
    begin, items, rest = path.partition("[]")
    return begin if not items or index is None else f"{begin}[{index}]{rest}"


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(found[1]) if found else None
