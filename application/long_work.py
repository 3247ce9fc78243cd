"""Work that is long by nature, in a thread beside the event loop, so that nobody else waits for its end."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Final, TypeVar

from llm_gateway.domain.cache_key import encoded
from llm_gateway.domain.chat import ChatReply, ChatRequest
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.events import ChatEvent, ReasoningDelta, TextDelta
from llm_gateway.domain.logprobs import ChosenLogprob

T = TypeVar("T")

AT_ONCE_BYTES: Final = 32 * 1024
"""Work on no more is done in place: it takes a few milliseconds at most, and a thread costs 0.1 ms of CPU time."""

_BYTES_A_NUMBER = 10
_BYTES_A_PIECE = 100


async def off_the_loop(weight: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises. It sees the caller's context variables, and is not given up halfway.

    `weight` is how many bytes it is about. Small work is done at once, without giving way; other work waits its turn in
    one thread. It must be pure: what the loop changes meanwhile it must not read. A caller that is cancelled goes at
    once; then work that has not begun is not done, and the result of other work is dropped.
    """
    if weight <= AT_ONCE_BYTES:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread_of(os.getpid()), copy_context().run, work)


@cache
def _thread_of(process: int) -> ThreadPoolExecutor:
    """One for the whole process, however many gateways it has: the interpreter runs one thread at a time, and each more
    makes the loops wait longer. A process that is forked has none of its parent's threads, and makes its own.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="long-work")


def weight_of(request: ChatRequest | EmbedRequest) -> int:
    """How many bytes a request is about, worked out once. One that can't be encoded counts as long work."""
    try:
        return encoded(request).size
    except (ValueError, TypeError, OverflowError, RecursionError):
        return AT_ONCE_BYTES + 1


def reply_weight(reply: ChatReply | EmbedReply) -> int:
    """How many bytes a reply is about on the wire."""
    if isinstance(reply, EmbedReply):
        return sum(map(len, reply.vectors)) * _BYTES_A_NUMBER
    pieces = len(reply.tool_calls) + _tokens(reply.logprobs)
    return len(reply.content) + len(reply.reasoning) + pieces * _BYTES_A_PIECE


def events_weight(events: Sequence[ChatEvent]) -> int:
    """How many bytes they are about on the wire."""
    pieces, size = len(events), 0
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta):
            size += len(event.text)
            pieces += _tokens(event.logprobs) if isinstance(event, TextDelta) else 0
    return size + pieces * _BYTES_A_PIECE


def _tokens(logprobs: Sequence[ChosenLogprob]) -> int:
    return len(logprobs) * (1 + len(logprobs[0].top)) if logprobs else 0
