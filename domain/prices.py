"""What an answer costs: the rates of a model, and micro-dollars from the tokens of a call. Pure arithmetic."""

from typing import Final

from msgspec import Struct

from .chat import Usage
from .sequences import CheckedStruct

MILLION: Final = 1_000_000


class Rates(Struct, frozen=True, kw_only=True):
    """Micro-dollars for a million tokens: 750,000 where a vendor's page says $0.75.

    `cached` is for the tokens of the prompt that the provider read from its own cache, `reasoning` for those of the
    completion that are no part of the answer; None: as `input` and `output`.
    """

    input: int
    output: int
    cached: int | None = None
    reasoning: int | None = None

    def microdollars(self, usage: Usage) -> int:
        """Of a call with this usage, rounded up: what cost anything is never 0."""
        cost = self.input * usage.prompt_tokens + self.output * usage.completion_tokens
        if self.cached is not None and usage.cached_tokens:
            cost += (self.cached - self.input) * min(usage.cached_tokens, usage.prompt_tokens)
        if self.reasoning is not None and usage.reasoning_tokens:
            cost += (self.reasoning - self.output) * min(usage.reasoning_tokens, usage.completion_tokens)
        return -(-cost // MILLION)


class RatesAbove(Struct, frozen=True, kw_only=True):
    """The rates of a call whose prompt has more than so many tokens."""

    prompt_tokens: int
    rates: Rates


class Price(CheckedStruct, frozen=True, kw_only=True):
    """A model's rates; those of longer prompts ascend by their tokens.

    `source` names the data that it stands in, as records tell it.
    """

    source: str = ""
    rates: Rates
    above: tuple[RatesAbove, ...] = ()

    def microdollars(self, usage: Usage) -> int:
        """Of a call with this usage, rounded up."""
        rates = self.rates
        for step in self.above:
            if usage.prompt_tokens > step.prompt_tokens:
                rates = step.rates
        return rates.microdollars(usage)
