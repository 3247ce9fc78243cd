"""The gateway inside a plain asyncio program, with the embedded model: no web framework in sight."""

import asyncio

from llm_gateway import (
    ChatCall,
    ChatRequest,
    Client,
    ClientId,
    Grain,
    Quota,
    Settings,
    TextDelta,
    UserMessage,
    open_gateway,
)


async def main() -> None:
    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    question = ChatRequest(messages=(UserMessage(content="Say hello"),), max_tokens=24)
    async with open_gateway(Settings(demo=True)) as gateway:
        async with gateway.answer_chat(ChatCall(request=question, grain=Grain.STREAM), me) as answer:
            async for event in answer:
                if isinstance(event, TextDelta):
                    print(event.text, end="", flush=True)
        print(f"\n{answer.endpoint}, {answer.cache}")
        async with gateway.answer_chat(ChatCall(request=question), me) as again:
            reply = await again.reply()
        print(f"{reply.usage.total_tokens} tokens, {again.cache}")


if __name__ == "__main__":
    asyncio.run(main())
