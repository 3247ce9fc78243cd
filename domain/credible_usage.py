"""What a vendor says of tokens, held to what can be true of the bytes that went out and came back."""

from typing import Final

from msgspec import json
from msgspec.structs import replace

from .cache_key import encoded
from .chat import ChatRequest, FinishReason, JsonSchemaFormat, Usage
from .embedding import EmbedReply, EmbedRequest
from .estimate import TOKENS_PER_MESSAGE, estimate_inputs, likely_prompt_tokens, likely_tokens
from .events import Finished
from .media import Document, Image, ImageUrl

TEMPLATE_TOKENS: Final = 16_384
"""Of what a vendor puts around a request's own bytes: a model's system prompt and template, instructions for tools."""
MOST_TOKENS_PER_IMAGE: Final = 65_536
"""Four times the 16,384 of Qwen2.5-VL's largest, the most that a model was known to see in one (November 2026)."""
MOST_TOKENS_PER_DOCUMENT: Final = 1 << 21
"""Gemini takes 1,000 pages of a PDF, each at most 1,120 tokens; and the text in them beside (November 2026)."""
REFERENCE_TOKENS: Final = 1 << 20
"""Of schemas whose references are written out, which multiplies their bytes."""
UNSEEN_TOKENS: Final = 1_024
"""Generated, and not given out: a template's own tokens, stop sequences, white space that a server trims."""
HIDDEN_TOKENS: Final = 1 << 18
"""Generated where nothing of it need be seen: thoughts, calls that a server could not read. No model had a higher limit
for one request (November 2026)."""


def credible(finished: Finished, request: ChatRequest, seen: int, output_limit: int | None = None) -> Usage:
    """The usage of an answer as its vendor counts it, as far as that can be; the very same where all of it can.

    No tokenizer in use makes more than one token of a byte. `request` is as it went out, `seen` the UTF-8 bytes of what
    the model generated, `output_limit` the model's own for one request. What is cut, or was 0 and can't be, is
    `estimated`.
    """
    usage = finished.usage
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    limit = None if request.max_tokens_by_default else request.max_tokens
    likely = 0 < prompt <= encoded(request).size and 0 <= completion <= (seen if limit is None else min(seen, limit))
    if not likely or (seen and not completion):
        prompt = min(max(0, prompt), _most_prompt(request, finished.requests, seen)) or likely_prompt_tokens(request)
        most = _most_completion(finished, request, seen, output_limit)
        completion = min(max(0, completion) or likely_tokens(seen), most)
    reasoning, cached = _within(usage.reasoning_tokens, completion), _within(usage.cached_tokens, prompt)
    held = prompt, completion, reasoning, cached
    if held == (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.cached_tokens):
        return usage
    return replace(
        usage,
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=reasoning,
        cached_tokens=cached,
        estimated=True,
    )


def credible_embedding(reply: EmbedReply, request: EmbedRequest) -> EmbedReply:
    """The same of an embedding, whose texts may go out in several requests; what nobody counted stays 0."""
    most = estimate_inputs(request) + TEMPLATE_TOKENS * len(request.inputs)
    return reply if reply.prompt_tokens <= most else replace(reply, prompt_tokens=most, estimated=True)


def _most_prompt(request: ChatRequest, requests: int, seen: int) -> int:
    """Each request for the rest of an answer has the prompt again, and what was generated before."""
    media = [part for message in request.messages for part in message.content]
    images = sum(isinstance(part, Image | ImageUrl) for part in media)
    documents = sum(isinstance(part, Document) for part in media)
    most = encoded(request).size + TEMPLATE_TOKENS + TOKENS_PER_MESSAGE * len(request.messages)
    most += images * MOST_TOKENS_PER_IMAGE + documents * MOST_TOKENS_PER_DOCUMENT
    schema = request.response_format if isinstance(request.response_format, JsonSchemaFormat) else None
    if b'"$ref"' in json.encode((request.tools, schema)):
        most += REFERENCE_TOKENS
    return requests * most + (requests - 1) * (seen + HIDDEN_TOKENS)


def _most_completion(finished: Finished, request: ChatRequest, seen: int, output_limit: int | None) -> int:
    """By what was seen and what may be hidden; by a stated limit, thoughts included; and by the model's own."""
    hides = request.tools or finished.incomplete or finished.reason is FinishReason.CONTENT_FILTER
    thoughts = min(max(0, finished.usage.reasoning_tokens or 0), finished.requests * HIDDEN_TOKENS)
    most = seen + thoughts + finished.requests * (HIDDEN_TOKENS if hides else UNSEEN_TOKENS)
    if request.max_tokens is not None and not request.max_tokens_by_default:
        most = min(most, request.max_tokens)
    return most if output_limit is None else min(most, finished.requests * output_limit)


def _within(part: int | None, whole: int) -> int | None:
    return None if part is None else max(0, min(part, whole))
