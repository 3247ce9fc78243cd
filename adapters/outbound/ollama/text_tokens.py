"""Which of the tokens that the server tells log probabilities of make up the answer's text."""

from collections import deque
from collections.abc import Sequence

from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob

from .wire import PartLogprob, PartToken

MAX_WAITING = 1_024
"""Tokens that the server has told of before it gave their text: no more than those of a tag that it looks out for."""


class TextTokens:
    """Of one answer. The server tells of every token, those of thoughts, tags and calls among them.

    A whole answer has them all in one part, and a streamed one tells of tokens whose text is still held back. Whatever
    it is, text is made of the last tokens before it. `told`: there was one.
    """

    def __init__(self) -> None:
        self.told = False
        self._waiting: deque[PartLogprob] = deque(maxlen=MAX_WAITING)

    def of_text(self, text: str, tokens: Sequence[PartLogprob], *, thoughts: bool) -> tuple[ChosenLogprob, ...]:
        """The tokens of a part's text. `thoughts`: it has some, which are before the text."""
        self.told = self.told or bool(tokens)
        if not text:
            if thoughts:
                self._waiting.clear()
            else:
                self._waiting += tokens
            return ()
        missing = len(text.encode())
        chosen: list[ChosenLogprob] = []
        for token in reversed((*self._waiting, *tokens)):
            if missing <= 0:
                break
            one = _token(token)
            missing -= len(one.raw or one.token.encode())
            chosen.append(ChosenLogprob(token=one, top=tuple(map(_token, token.top_logprobs or ()))))
        self._waiting.clear()
        return tuple(reversed(chosen))


def _token(given: PartToken) -> TokenLogprob:
    """Raises `ValueError` for what no token is made of."""
    raw = None if given.bytes is None else bytes(given.bytes)
    return TokenLogprob(token=given.token, logprob=given.logprob, raw=raw)
