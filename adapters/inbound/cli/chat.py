"""A chat or an explanation in this process, without a server."""

from contextlib import AbstractAsyncContextManager

from llm_gateway.application.explain_chat import Explanation
from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.domain.chat import ChatCall, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Hint

from .display import Display, waiting

_HERE = Client(id=ClientId("command-line"), namespace="command-line", quota=Quota())


def local_call(prompt: str, *, hint: str | None, model: str | None) -> ChatCall:
    return ChatCall(
        request=ChatRequest(
            messages=(UserMessage(content=(Text(text=prompt),)),), max_tokens=512, max_tokens_by_default=True
        ),
        model=model,
        hint=Hint(hint) if hint else None,
        grain=Grain.STREAM,
    )


async def chat_here(opened: AbstractAsyncContextManager[GatewayServices], call: ChatCall) -> None:
    """Streams the answer to standard output. Raises the gateway's errors."""
    with Display("Starting") as display:
        async with opened as gateway:
            display.waits_for(lambda: waiting(gateway.endpoints.snapshot()))
            async with gateway.answer_chat(call, _HERE) as answer:
                async for event in answer:
                    if isinstance(event, TextDelta):
                        display.text(event.text)
                reply = await answer.reply()
            display.end(
                reply.endpoint.provider,
                reply.model,
                reply.usage.prompt_tokens,
                reply.usage.completion_tokens,
                demonstration=any(
                    state.demonstration for state in gateway.endpoints.snapshot() if state.endpoint.id == reply.endpoint
                ),
            )


async def explain_here(opened: AbstractAsyncContextManager[GatewayServices], call: ChatCall) -> Explanation:
    async with opened as gateway:
        return gateway.explain_chat(call, _HERE)
