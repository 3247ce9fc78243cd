"""Clients that leave at any moment, over a shared store: whoever stays gets the answer to their own question."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from secrets import token_hex

import pytest
from typing_extensions import override

from llm_gateway import (
    ChatCall,
    ChatModel,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    FixedEndpoints,
    Gateway,
    Locality,
    Quota,
    Settings,
    Text,
    UserMessage,
    open_gateway,
)
from llm_gateway.bootstrap.settings import Secret
from llm_gateway.domain.chat import FinishReason, Grain, Usage
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta
from llm_gateway.domain.quota import Bucket
from llm_gateway.domain.resilience import Deadline

from ..waiting import eventually
from .valkey import Valkey

HERE = Endpoint(id=EndpointId(provider="ollama", model="echo"), locality=Locality.ON_PREMISES)
AT_ONCE = 50
ASK_THE_SAME = 3
TURNS = 40
"""Of the loop, after which a client may leave: some of an answer's way takes as many."""


class Echo(ChatModel):
    """Says the question again, in two parts, after some turns of the loop each."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        text = said(request)
        half = len(text) // 2
        yield (Started(endpoint=to.id),)
        for part in (text[:half], text[half:]):
            for _ in range(TURNS // 2):
                await asyncio.sleep(0)
            yield (TextDelta(text=part),)
        yield (Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=5, completion_tokens=5), model="echo"),)


def said(request: ChatRequest) -> str:
    (message,) = request.messages
    assert isinstance(message, UserMessage)
    (part,) = message.content
    assert isinstance(part, Text)
    return part.text


async def churn(gateways: list[Gateway], client: Client, requests: int) -> tuple[int, int]:
    """How many left, and how many stayed. Several ask the same at about the same time, of any of the gateways."""
    chance = random.Random(11)
    mark = token_hex(4)
    left = stayed = 0
    numbers = iter(range(requests))

    async def ask(gateway: Gateway, text: str) -> str:
        question = ChatRequest(messages=(UserMessage(content=(Text(text=text),)),), max_tokens=10)
        grain = chance.choice(tuple(Grain))
        async with gateway.answer_chat(ChatCall(request=question, grain=grain), client) as answer:
            return (await answer.reply()).content

    async def caller() -> None:
        nonlocal left, stayed
        for number in numbers:
            text = f"question {mark} {number // ASK_THE_SAME}"
            asking = asyncio.create_task(ask(chance.choice(gateways), text))
            if chance.random() < 2 / 3:
                for _ in range(chance.randint(0, TURNS)):
                    await asyncio.sleep(0)
                asking.cancel()
            try:
                assert await asking == text
                stayed += 1
            except asyncio.CancelledError:
                left += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(caller())
    return left, stayed


@pytest.mark.search
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("requests", "leavers"),
    [(900, 100), pytest.param(60_000, 10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])],
)
async def test_who_stays_is_answered_what_they_asked_and_who_leaves_holds_nothing(
    server: Valkey, requests: int, leavers: int
) -> None:
    quota = Quota(tokens=Bucket.of(10**9, 10**6), concurrency=10 * AT_ONCE)
    client = Client(id=ClientId(f"churn-{token_hex(8)}"), namespace=token_hex(8), quota=quota)
    settings = Settings(redis_url=Secret(server.url))
    endpoints = FixedEndpoints([EndpointState(endpoint=HERE, features=frozenset())])
    async with (
        open_gateway(settings, chat_models={"ollama": Echo()}, endpoints=endpoints) as one,
        open_gateway(settings, chat_models={"ollama": Echo()}, endpoints=endpoints) as other,
    ):
        left, stayed = await churn([one, other], client, requests)
        assert left > leavers
        assert left + stayed == requests
        await eventually(lambda: not (one.flights or other.flights or leases(server, client)))
        assert one.answer_chat.under_way == other.answer_chat.under_way == 0


def leases(server: Valkey, client: Client) -> int:
    """Answers under way, as the server counts them."""
    names = server.ask("KEYS", f"*{{client={client.id}}}*:leases")
    return sum(server.ask("ZCARD", name) for name in names)
