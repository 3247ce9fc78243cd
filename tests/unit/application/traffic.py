"""Mixed traffic of one client over several replicas, with what each request truly uses, replayed over a limiter."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from heapq import heappop, heappush
from itertools import count

from msgspec import Struct
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.application.throttle_client import Reservation, ThrottleClient
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    FinishReason,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import QuotaExceeded
from llm_gateway.domain.events import Collector, Finished, Started
from llm_gateway.domain.media import Image
from llm_gateway.domain.quota import LEASE_MS, Charge, Decision, Quota, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount
from llm_gateway.domain.routing import EndpointState

from .test_quota_waits import StoppedClock
from .world import CLOUD

OUTPUT = 1_024
_WORD = "word "
_IDEOGRAPH = "\u4f60"
_LINE = "x = f(a[0], {'b': 1})\n"
BYTES_A_TOKEN = {
    "English": (3.8, 5.1),
    "CJK": (2.4, 4.5),
    "code": (3.2, 4.2),
    "tools": (2.8, 4.0),
    "images": (3.8, 5.1),
}
"""What the tokenizers of models in use have of each kind, from small vocabularies to large ones."""
KINDS = tuple(BYTES_A_TOKEN)
IMAGE_TOKENS = (258, 1_120)


class Asked(Struct, frozen=True):
    """A request, and what it uses where it is answered."""

    request: ChatRequest
    usage: Usage


class Replayed(Struct):
    """What became of the traffic. `settled` has milliseconds and tokens."""

    asked: int = 0
    refused: int = 0
    refused_falsely: int = 0
    """Though the quota allowed what they would have used, beside all that was admitted and those refused so before."""
    most_at_once: int = 0
    largest_debt: int = 0
    """Of one answer: what it used above what was reserved for it."""
    settled: list[tuple[int, int]] = []

    def most_in(self, window_ms: int) -> int:
        """The most tokens that were settled in any such window."""
        first, total, most = 0, 0, 0
        for at, tokens in self.settled:
            total += tokens
            while self.settled[first][0] <= at - window_ms:
                total -= self.settled[first][1]
                first += 1
            most = max(most, total)
        return most


class Answering(Struct, frozen=True):
    """An answer under way."""

    asked: Asked
    held: Reservation
    stack: AsyncExitStack


def asked_of(dice: random.Random, *, bounded: bool, kinds: Sequence[str] = KINDS) -> Asked:
    """One request of a random kind and size, whose answer has a bound, `max_tokens`, or none."""
    kind = dice.choice(kinds)
    size = round(dice.lognormvariate(7.2, 1.0))
    density = dice.uniform(*BYTES_A_TOKEN[kind])
    written = round(dice.lognormvariate(5.6, 0.9))
    max_tokens = dice.choice((256, 512, 1_024, 4_096)) if bounded else None
    request = _request(kind, size, max_tokens)
    images = dice.randint(*IMAGE_TOKENS) if kind == "images" else 0
    prompt = round(_size(request) / density) + 4 * len(request.messages) + images
    return Asked(request, Usage(prompt_tokens=prompt, completion_tokens=min(written, max_tokens or 8_192)))


def _request(kind: str, size: int, max_tokens: int | None) -> ChatRequest:
    words = (Text(text=_WORD * (size // len(_WORD) + 1)),)
    match kind:
        case "CJK":
            words = (Text(text=_IDEOGRAPH * (size // 3 + 1)),)
        case "code":
            words = (Text(text=_LINE * (size // len(_LINE) + 1)),)
        case "images":
            image = Image(data=b"1", mime_type="image/png")
            return ChatRequest(messages=(UserMessage(content=(*words, image)),), max_tokens=max_tokens)
        case "tools":
            call = ToolCall(id="call-1", name="look", arguments='{"at":[1,2,3],"deep":true}')
            result = ToolMessage(content=(Text(text='{"a":[1,2],"b":"c"}' * (size // 20 + 1)),), tool_call_id="call-1")
            messages = (UserMessage(content=(Text(text="Look there."),)), AssistantMessage(tool_calls=(call,)), result)
            tool = Tool(name="look", description="Looks. " * 20, parameters={"type": "object"})
            return ChatRequest(messages=messages, tools=(tool,), max_tokens=max_tokens)
    return ChatRequest(messages=(UserMessage(content=words),), max_tokens=max_tokens)


def _size(request: ChatRequest) -> int:
    """Bytes of the text and of the tools."""
    texts = (part.text for message in request.messages for part in message.content if isinstance(part, Text))
    return sum(len(text.encode()) for text in texts) + (200 if request.tools else 0)


class Watched(MemoryRateLimiter):
    """Tells what was reserved last."""

    reserved = 0

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        self.reserved = charge.tokens
        return await super().take(client, charge, reservation)


class Foreseeing:
    """A bucket that knows what each answer uses in the end, and has taken that for all that was admitted."""

    def __init__(self, quota: Quota) -> None:
        self._account = QuotaAccount(quota, 0)
        self._ids = map(str, count())

    def admitted(self, tokens: int, now_ms: int) -> None:
        """It was, whatever this bucket has."""
        key = ReservationId(next(self._ids))
        assert self._account.take(Charge(), key, now_ms).allowed
        self._account.settle(key, tokens, now_ms)

    def admits(self, tokens: int, now_ms: int) -> bool:
        """Whether there is room for these tokens too, which are taken then."""
        return self._account.take(Charge(tokens=tokens), ReservationId(next(self._ids)), now_ms).allowed


class Replay:
    """Each replica has a `ThrottleClient` of its own; the limiter is one that all share."""

    def __init__(self, client: Client, replicas: int) -> None:
        self._clock = StoppedClock()
        self._limiter = Watched(self._clock)
        self._replicas = [
            ThrottleClient(self._limiter, self._clock, SeededEntropy(seed), reserved_output=OUTPUT)
            for seed in range(replicas)
        ]
        self._foreseeing = Foreseeing(client.quota)
        self._client = client
        self._state = EndpointState(endpoint=CLOUD, features=frozenset())
        self._ending: list[tuple[int, int, Answering]] = []
        self.result = Replayed(settled=[])

    async def run(self, traffic: Iterator[tuple[int, Asked]], dice: random.Random) -> Replayed:
        """Ask each at its millisecond, of a replica by chance; answers take up to most of a lease."""
        for at, asked in traffic:
            await self._end(at)
            self._clock.ms = at
            answering = await self._ask(dice.choice(self._replicas), asked)
            if answering is not None:
                ends = at + dice.randint(500, LEASE_MS * 9 // 10)
                heappush(self._ending, (ends, self.result.asked, answering))
                self.result.most_at_once = max(self.result.most_at_once, len(self._ending))
        await self._end(None)
        return self.result

    async def _ask(self, replica: ThrottleClient, asked: Asked) -> Answering | None:
        self.result.asked += 1
        used = asked.usage.total_tokens
        stack = AsyncExitStack()
        try:
            held = await stack.enter_async_context(replica.reserve(self._client, asked.request, self._state))
        except QuotaExceeded:
            self.result.refused += 1
            self.result.refused_falsely += self._foreseeing.admits(used, self._clock.ms)
            return None
        self._foreseeing.admitted(used, self._clock.ms)
        self.result.largest_debt = max(self.result.largest_debt, used - self._limiter.reserved)
        return Answering(asked, held, stack)

    async def _end(self, until: int | None) -> None:
        while self._ending and (until is None or self._ending[0][0] <= until):
            at, _, answering = heappop(self._ending)
            self._clock.ms = at
            answer = Collector()
            answer.add(Started(endpoint=CLOUD.id))
            answer.add(Finished(reason=FinishReason.STOP, usage=answering.asked.usage, model="any"))
            answering.held.follow(answer)
            await answering.stack.aclose()
            self.result.settled.append((at, answering.asked.usage.total_tokens))
            await asyncio.sleep(0)
