"""The exact cache alone: a program that asks its own model, and asks it once for the same request."""

import asyncio
from datetime import timedelta

from llm_gateway import (
    CacheDirective,
    CacheLookup,
    ChatReply,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    FinishReason,
    Locality,
    MemoryReplyCache,
    Plan,
    Quota,
    SystemClock,
    Text,
    Usage,
    UserMessage,
)

MINE = Endpoint(id=EndpointId(provider="mine", model="model-1"), locality=Locality.ON_PREMISES)
PLAN = Plan(hint=None, pinned=True, endpoints=(EndpointState(endpoint=MINE, features=frozenset()),))


async def ask_my_model(request: ChatRequest) -> ChatReply:
    words = [part.text for part in request.messages[-1].content if isinstance(part, Text)]
    return ChatReply(
        endpoint=MINE.id,
        model=MINE.id.model,
        finish_reason=FinishReason.STOP,
        usage=Usage(prompt_tokens=len(words), completion_tokens=len(words)),
        content=f"You said: {' '.join(words)}",
    )


async def main() -> None:
    clock = SystemClock()
    lookup = CacheLookup(ChatReply, MemoryReplyCache(clock), ttl=timedelta(minutes=1))
    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    for text in ("hello", "hello", "Hello"):
        request = ChatRequest(messages=(UserMessage(content=text),))
        view = await lookup.find(PLAN, me, request, CacheDirective())
        found = view.found.get(MINE)
        if found is not None:
            print(f"hit: {found.reply.content}")
            continue
        began = clock.monotonic()
        reply = await ask_my_model(request)
        await lookup.keep(view, MINE, reply, clock.monotonic() - began)
        print(f"miss: {reply.content}")


if __name__ == "__main__":
    asyncio.run(main())
