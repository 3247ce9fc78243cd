"""A decision record as it stands on the wire: what was decided and how it went, without content."""

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.application.records import AttemptRecord, RequestRecord
from llm_gateway.domain.chat import Usage
from llm_gateway.domain.routing import Skip

from .answers import AliasOut, SkipOut, UsageOut
from .translate import alias_out, usage_out


class AttemptOut(Struct, frozen=True, kw_only=True):
    """One call to a provider. `outcome` is `answered`, `left` where it became unneeded, or the class of the error.

    `status` is the provider's HTTP status and `reason_class` the class of its failure, where they are known. `seconds`
    and `first_event_seconds` count while the provider was waited for.
    """

    provider: str
    model: str
    outcome: str
    reason: str | None
    status: int | None
    reason_class: str | None
    seconds: float
    first_event_seconds: float | None
    usage: UsageOut | UnsetType = UNSET
    cost_microdollars: int | None


class DecisionOut(Struct, frozen=True, kw_only=True):
    """`outcome` is `answered`, `left` for a client that went away, or the class of the error. Times are in seconds.

    `plan` are the endpoints in the order in which they were to be asked; `skipped` were left out of it, and
    `passed_over` of it gave no answer. `attempts` are the calls that were made for this request: none for one that
    came from the cache or joined another's. `ignored` are the fields that had no effect. `saved_seconds` is what an
    answer from the cache had taken its provider. `cost_microdollars` is what the `attempts` cost together: null
    where that of one is not known, else by the data that `prices` names.
    """

    id: str
    created: float
    outcome: str
    alias: AliasOut | UnsetType = UNSET
    hint: str | None
    plan: list[str]
    skipped: list[SkipOut]
    passed_over: list[SkipOut]
    attempts: list[AttemptOut]
    ignored: list[str]
    provider: str | None
    model: str | None
    cache: str | None
    admitted: bool | None
    stream: bool
    finish_reason: str | None
    usage: UsageOut | UnsetType = UNSET
    cost_microdollars: int | None
    prices: str | None
    seconds: float
    first_event_seconds: float | None
    saved_seconds: float | None


def decision_of(record: RequestRecord) -> DecisionOut:
    endpoint = record.endpoint
    return DecisionOut(
        id=record.id,
        created=round(record.began, 6),
        outcome=record.outcome,
        alias=alias_out(record.alias),
        hint=record.hint.value if record.hint else None,
        plan=[planned.name for planned in record.planned],
        skipped=[_passed(skip) for skip in record.skipped],
        passed_over=[_passed(skip) for skip in record.passed_over],
        attempts=[_attempt(attempt) for attempt in record.attempts],
        ignored=list(record.ignored),
        provider=endpoint.provider if endpoint else None,
        model=endpoint.model if endpoint else None,
        cache=record.cache.value if record.cache else None,
        admitted=record.admitted,
        stream=record.streamed,
        finish_reason=record.finish_reason.value if record.finish_reason else None,
        usage=_usage(record.usage),
        cost_microdollars=record.microdollars,
        prices=record.prices,
        seconds=round(record.seconds, 6),
        first_event_seconds=_rounded(record.first_event_seconds),
        saved_seconds=_rounded(record.saved_seconds),
    )


def _passed(skip: Skip) -> SkipOut:
    return SkipOut(name=skip.name, reason=skip.reason)


def _attempt(attempt: AttemptRecord) -> AttemptOut:
    return AttemptOut(
        provider=attempt.endpoint.provider,
        model=attempt.endpoint.model,
        outcome="left" if attempt.left else attempt.error or "answered",
        reason=attempt.reason,
        status=attempt.status,
        reason_class=attempt.reason_class.value if attempt.reason_class else None,
        seconds=round(attempt.seconds, 6),
        first_event_seconds=_rounded(attempt.first_event_seconds),
        usage=_usage(attempt.usage),
        cost_microdollars=attempt.microdollars,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _usage(usage: Usage | None) -> UsageOut | UnsetType:
    return UNSET if usage is None else usage_out(usage)
