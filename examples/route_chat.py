"""Routing alone: two models in order, the second where the first fails, with retries, a breaker and one shared call."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta

from typing_extensions import override

from llm_gateway import (
    AnswerSlots,
    Breakers,
    CacheLookup,
    CallLimits,
    CallProvider,
    ChatCall,
    ChatContext,
    ChatEvent,
    ChatModel,
    ChatReply,
    ChatRequest,
    Client,
    ClientId,
    Deadline,
    Endpoint,
    EndpointId,
    EndpointState,
    Finished,
    FinishReason,
    Flights,
    Grain,
    Locality,
    MemoryRateLimiter,
    MemoryReplyCache,
    MemoryRequestLog,
    Plan,
    ProviderUnavailable,
    Quota,
    RecordedRequests,
    RetryPolicy,
    RouteChat,
    SilentObserver,
    Started,
    SystemClock,
    SystemEntropy,
    Task,
    TextDelta,
    ThrottleClient,
    Usage,
    UserMessage,
)


class Broken(ChatModel):
    """Always fails. Asked twice, as the retries below say."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        raise ProviderUnavailable(to.id.provider, "out of order")
        yield  # an async generator


class Polite(ChatModel):
    """Always says hello."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        finished = Finished(reason=FinishReason.STOP, usage=usage, model=to.id.model)
        yield [Started(endpoint=to.id), TextDelta(text="hello"), finished]


def state(provider: str) -> EndpointState:
    endpoint = Endpoint(id=EndpointId(provider=provider, model="model-1"), locality=Locality.ON_PREMISES)
    return EndpointState(endpoint=endpoint, features=frozenset())


async def main() -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    lookup = CacheLookup(ChatReply, MemoryReplyCache(clock), ttl=timedelta(minutes=1))
    limits = CallLimits(
        timeout_seconds=30, stream_seconds=60, fallback_first_token_seconds=5, retries=RetryPolicy(max_retries=1)
    )
    route = RouteChat(
        {"first": Broken(), "second": Polite()},
        lookup,
        Flights(),
        ThrottleClient(MemoryRateLimiter(clock), clock, entropy),
        CallProvider(Breakers(clock), limits, clock, entropy),
        max_answer_bytes=1 << 20,
    )
    requests = RecordedRequests(SilentObserver(), MemoryRequestLog(clock), clock, entropy, AnswerSlots(100))

    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    call = ChatCall(request=ChatRequest(messages=(UserMessage(content="Say hello"),)))
    plan = Plan(hint=None, pinned=False, endpoints=(state("first"), state("second")))
    with requests.begin(Task.CHAT, me, None, id=None, headers=None) as recorder:
        view = await lookup.find(plan, me, call.request, call.cache)
        context = ChatContext(call=call, client=me, plan=plan, view=view, recorder=recorder)
        async with aclosing(await route(context)) as source:
            async for event in source:
                match event:
                    case Started(endpoint=endpoint):
                        recorder.started(endpoint)
                    case TextDelta(text=text):
                        print(text)
                    case Finished(usage=usage, reason=reason):
                        recorder.finished(usage, reason)
        record = recorder.record()
    print(f"{record.outcome} by {record.endpoint.name if record.endpoint else 'none'}, {len(record.attempts)} calls")
    for skip in record.passed_over:
        print(f"passed over {skip.name}: {skip.reason}")


if __name__ == "__main__":
    asyncio.run(main())
