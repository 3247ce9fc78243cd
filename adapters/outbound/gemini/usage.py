"""The tokens of one answer: as the vendor counts them, summed over its requests, estimated where it does not."""

from msgspec.structs import replace

from llm_gateway.domain.chat import ChatRequest, Usage, counted
from llm_gateway.domain.estimate import likely_prompt_tokens, likely_tokens
from llm_gateway.domain.events import text_bytes

from .wire import UsageMetadata


class UsageCount:
    """Counts one answer, which several requests may have made: each is paid for, prompt and all.

    Of a request's counts the last hold: they are running totals.
    """

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self.requests = 1
        self._before: Usage | None = None
        self._said: UsageMetadata | None = None
        self._bytes = 0

    def told(self, counts: UsageMetadata | None, made: int = 0) -> None:
        """What a chunk counts, if it does, and the bytes that it `made` itself, for the case that none does."""
        self._said = counts or self._said
        self._bytes += made

    def made(self, text: str) -> None:
        """What the model wrote, for the case that nobody counts it."""
        self._bytes += text_bytes(text)

    def next(self) -> None:
        """What comes from here on is another request's."""
        self._before, self._said, self._bytes = self.total(), None, 0
        self.requests += 1

    def total(self) -> Usage:
        this = self._estimated() if self._said is None else self._counted(self._said)
        return this if self._before is None else _sum(self._before, this)

    def _counted(self, said: UsageMetadata) -> Usage:
        """The vendor counts thoughts beside the candidates, its own tools' input beside the prompt, and tells no 0."""
        prompt = counted(said.prompt_token_count) + counted(said.tool_use_prompt_token_count)
        completion = counted(said.candidates_token_count) + counted(said.thoughts_token_count)
        usage = Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            reasoning_tokens=None if said.thoughts_token_count is None else counted(said.thoughts_token_count),
            cached_tokens=None if said.cached_content_token_count is None else counted(said.cached_content_token_count),
        )
        if prompt and (completion or not self._bytes):
            return usage
        likely = self._estimated()
        return replace(
            usage,
            prompt_tokens=prompt or likely.prompt_tokens,
            completion_tokens=completion or likely.completion_tokens,
            estimated=True,
        )

    def _estimated(self) -> Usage:
        return Usage(
            prompt_tokens=likely_prompt_tokens(self._request),
            completion_tokens=likely_tokens(self._bytes),
            estimated=True,
        )


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        reasoning_tokens=_sum_of(one.reasoning_tokens, other.reasoning_tokens),
        cached_tokens=_sum_of(one.cached_tokens, other.cached_tokens),
        estimated=one.estimated or other.estimated,
    )


def _sum_of(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
