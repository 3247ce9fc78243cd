"""A chat or an explanation in this process, without a server."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

from llm_gateway.application.explain_chat import Explanation
from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.domain.chat import AssistantMessage, ChatCall, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.events import TextDelta
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Hint

from .conversation import Ask
from .display import Display, waiting

_HERE = Client(id=ClientId("command-line"), namespace="command-line", quota=Quota())


def local_call(turns: Sequence[str], *, hint: str | None, model: str | None) -> ChatCall:
    """`turns` are the texts of a user and an assistant, one after the other, from the user's first to the newest."""
    return ChatCall(
        request=ChatRequest(
            messages=tuple(
                AssistantMessage(content=text) if number % 2 else UserMessage(content=(Text(text=text),))
                for number, text in enumerate(turns)
            ),
            max_tokens=512,
            max_tokens_by_default=True,
        ),
        model=model,
        hint=Hint(hint) if hint else None,
        grain=Grain.STREAM,
    )


@contextmanager
def asking_here(
    opened: AbstractAsyncContextManager[GatewayServices], *, hint: str | None, model: str | None
) -> Iterator[Ask]:
    """What asks the gateway, which is open meanwhile. It raises the gateway's errors."""
    with asyncio.Runner() as runner:
        with Display("Starting"):
            gateway = runner.run(_entered(opened))
        try:
            yield lambda turns: runner.run(_answered(gateway, local_call(turns, hint=hint, model=model)))
        finally:
            runner.run(_left(opened))


async def _entered(opened: AbstractAsyncContextManager[GatewayServices]) -> GatewayServices:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[GatewayServices]) -> None:
    await opened.__aexit__(None, None, None)


async def _answered(gateway: GatewayServices, call: ChatCall) -> str:
    """Streams the answer to standard output, and gives it."""
    with Display() as display:
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
    return display.shown


async def explain_here(opened: AbstractAsyncContextManager[GatewayServices], call: ChatCall) -> Explanation:
    async with opened as gateway:
        return gateway.explain_chat(call, _HERE)
