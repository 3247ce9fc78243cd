"""Log probabilities of the tokens of an answer's text."""

from collections.abc import Iterable
from itertools import chain

from msgspec import Struct

from .sequences import CheckedStruct

_OVERHEAD_BYTES = 160
"""Of the objects that a token is held in, beside its text."""


class TokenLogprob(Struct, frozen=True, kw_only=True):
    """A token and the natural logarithm of its probability.

    `raw` are its bytes, as `token` can't show half of a character; None where the provider tells none.
    """

    token: str
    logprob: float
    raw: bytes | None = None


class ChosenLogprob(CheckedStruct, frozen=True, kw_only=True):
    """A token of the answer. `top` are the likeliest in its place, of which it may be one, the likeliest first."""

    token: TokenLogprob
    top: tuple[TokenLogprob, ...] = ()


def memory_of(logprobs: Iterable[ChosenLogprob]) -> int:
    """An estimate, in bytes."""
    tokens = chain.from_iterable((one.token, *one.top) for one in logprobs)
    return sum(_OVERHEAD_BYTES + len(token.token) + len(token.raw or b"") for token in tokens)
