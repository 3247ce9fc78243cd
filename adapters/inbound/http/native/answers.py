"""The native surface's answers, as they stand on the wire."""

from typing import Literal

from msgspec import UNSET, UnsetType

from llm_gateway.domain.cache_policy import CacheMode
from llm_gateway.domain.chat import FinishReason
from llm_gateway.domain.routing import Hint

from ..common.wire import ChosenTokenOut, JsonObject, Out, ToolCallOut


class UsageOut(Out, frozen=True, kw_only=True):
    """Tokens as the provider counts them; what it does not count is left out.

    `estimated`: by the gateway, as the provider did not count.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    reasoning_tokens: int | UnsetType = UNSET
    cached_tokens: int | UnsetType = UNSET
    estimated: Literal[True] | UnsetType = UNSET


class AnswerOut(Out, frozen=True, kw_only=True):
    """A whole answer; in a stream, its `done` event, which leaves the content out.

    `warning` says why it is empty or less than it could be. `cost_microdollars`, in `done` alone, is rounded up: null
    where it is not known, 0 where no call was made for this request. A whole answer has a header for it.
    """

    id: str
    provider: str
    model: str
    content: str | UnsetType = UNSET
    tool_calls: list[ToolCallOut] | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    logprobs: list[ChosenTokenOut] | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET
    finish_reason: FinishReason
    warning: str | UnsetType = UNSET
    usage: UsageOut
    cost_microdollars: int | UnsetType | None = UNSET
    cached: bool
    created: int


class ToolCallDeltaOut(Out, frozen=True, kw_only=True):
    """A part of the tool call number `index`, counted from 0. `arguments` are appended; the rest comes once."""

    index: int
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET


class DeltaOut(Out, frozen=True, kw_only=True):
    """One of the three; `logprobs` are those of the content's tokens, where they were asked for."""

    content: str | UnsetType = UNSET
    logprobs: list[ChosenTokenOut] | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    tool_call: ToolCallDeltaOut | UnsetType = UNSET


class RatesOut(Out, frozen=True, kw_only=True):
    """Dollars for a million tokens. `above_prompt_tokens`: of calls with a prompt of more."""

    above_prompt_tokens: int
    input: float
    output: float
    cached: float
    reasoning: float


class PriceOut(Out, frozen=True, kw_only=True):
    """What an endpoint's tokens cost by today's price, and where that stands."""

    source: str
    rates: list[RatesOut]


class MemberOut(Out, frozen=True, kw_only=True):
    """A server of a pool, and how it stands to the model: `unusable` is why it can't answer, and `aside` that it failed
    and is asked last. `under_way` are the calls to it, of at most `slots`.
    """

    name: str
    unusable: str | None
    aside: bool
    loaded: bool
    under_way: int
    slots: int


class EndpointOut(Out, frozen=True, kw_only=True):
    """An endpoint of a plan, its circuit breaker, the fields of the request that would have no effect there, and the
    members of a pool.
    """

    provider: str
    model: str
    locality: Literal["on_premises", "cloud"]
    breaker: Literal["closed", "open", "half_open"]
    ignored: list[str]
    price: PriceOut | None
    members: list[MemberOut] | UnsetType = UNSET


class SkipOut(Out, frozen=True, kw_only=True):
    """An endpoint by its name, and why it was left out or gave no answer."""

    name: str
    reason: str


class CacheUseOut(Out, frozen=True, kw_only=True):
    """How the cache would be used. `joins`: an equal request's call that is under way would be shared.

    `sampled`: it would be bypassed because the answer is to be the request's own sample (CACHE_SAMPLED).
    """

    mode: CacheMode
    joins: bool
    sampled: bool


class AliasOut(Out, frozen=True, kw_only=True):
    """The name that the request gave its model, and the one that it stands for."""

    name: str
    target: str


class ExplanationOut(Out, frozen=True, kw_only=True):
    """The answer of `POST /api/v1/explain`: endpoints in the order in which they would be asked."""

    alias: AliasOut | UnsetType = UNSET

    hint: Hint | None
    pinned: bool
    cache: CacheUseOut
    endpoints: list[EndpointOut]
    skipped: list[SkipOut]
