"""Tool loops of clients that drop what a provider gave with its calls: it is kept for them, and only for them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.signature_store import MemorySignatureStore
from llm_gateway.adapters.outbound.scripted.chat_model import Script
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    JsonObject,
    Message,
    Tool,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.events import Finished, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.signature_key import SignatureKey

from .world import HELLO, World, client_of

GO = UserMessage(content="Go.")
TOOLS = (Tool(name="add"), Tool(name="now"))


def signed(text: str) -> JsonObject:
    return {"google": {"thought_signature": text}}


def step(number: int, answer: str | None = None) -> Script:
    """Two calls at once, of which the first is signed, as the answer itself may be."""
    return [
        TextDelta(text="Let me see."),
        ToolCallDelta(index=0, id=f"{number}a", name="add", arguments="{}", extra_content=signed(f"first {number}")),
        ToolCallDelta(index=1, id=f"{number}b", name="now", arguments="{}"),
        Finished(
            reason=FinishReason.TOOL_CALLS,
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            model="scripted-1",
            extra_content=None if answer is None else signed(answer),
        ),
    ]


def dropped(reply: ChatReply) -> list[Message]:
    """What a client sends on that keeps only what OpenAI's first surface had."""
    calls = tuple(replace(call, extra_content=None) for call in reply.tool_calls)
    said = AssistantMessage(content=reply.content, tool_calls=calls)
    return [said, *(ToolMessage(content="1", tool_call_id=call.id) for call in calls)]


def chat(*messages: Message, **fields: object) -> ChatCall:
    """Of tools."""
    steer = {"hint": Hint.FAST, "cache": CacheDirective()} | fields
    return ChatCall(request=ChatRequest(messages=messages, tools=TOOLS), **steer)  # type: ignore[arg-type]


def sent(world: World) -> list[list[str | None]]:
    """What the calls in the last history bear, and last the answer itself."""
    model = world.gemini if world.gemini.calls else world.ollama
    answers = [each for each in model.calls[-1].request.messages if isinstance(each, AssistantMessage)]
    return [
        [text_of(call.extra_content) for call in each.tool_calls] + [text_of(each.extra_content)] for each in answers
    ]


def text_of(extra: JsonObject | None) -> str | None:
    match extra:
        case {"google": {"thought_signature": str(text)}}:
            return text
    return None


class Witness(MemorySignatureStore):
    """Remembers what it was asked for, and may take its time."""

    def __init__(self, clock: ScriptedClock, seconds: float = 0.0) -> None:
        super().__init__(clock, timedelta(hours=1))
        self.asked: list[str] = []
        self._own_clock = clock
        self._seconds = seconds

    @override
    async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
        self.asked.append(f"get {len(keys)}")
        return await super().get(keys)

    @override
    async def put(self, key: SignatureKey, entry: bytes) -> None:
        self.asked.append("put")
        if self._seconds:
            await self._own_clock.sleep(self._seconds)
        await super().put(key, entry)


class Forgetful(MemorySignatureStore):
    """A store that is away: as its port says, it finds nothing."""

    @override
    async def put(self, key: SignatureKey, entry: bytes) -> None: ...


@pytest.mark.parametrize("grain", Grain)
async def test_signatures_come_back_through_a_client_that_drops_them(grain: Grain) -> None:
    world = World(gemini=[step(0), step(1, "of the answer"), HELLO])
    first = await world.ask(chat(GO, grain=grain))
    second = await world.ask(chat(GO, *dropped(first.reply), grain=grain))
    assert sent(world) == [["first 0", None, None]]
    await world.ask(chat(GO, *dropped(first.reply), *dropped(second.reply), grain=grain))
    assert sent(world) == [["first 0", None, None], ["first 1", None, "of the answer"]]


async def test_a_client_that_keeps_them_costs_no_store_a_call_and_is_taken_at_its_word() -> None:
    store = Witness(ScriptedClock())
    world = World(gemini=[step(0), HELLO], signatures=store)
    reply = (await world.ask(chat(GO))).reply
    first, second = reply.tool_calls
    own = replace(first, extra_content=signed("its own"))
    results = [ToolMessage(content="1", tool_call_id=call.id) for call in reply.tool_calls]
    await world.ask(chat(GO, AssistantMessage(tool_calls=(own, second)), *results))
    assert sent(world) == [["its own", None, None]]
    assert store.asked == ["put"]


async def test_what_is_older_than_the_last_question_is_not_asked_for() -> None:
    store = Witness(ScriptedClock())
    world = World(gemini=[step(0), HELLO], signatures=store)
    reply = (await world.ask(chat(GO))).reply
    await world.ask(chat(GO, *dropped(reply), UserMessage(content="Go on.")))
    assert sent(world) == [[None, None, None]]
    assert store.asked == ["put"]


async def test_chats_without_tools_cost_no_store_a_call() -> None:
    store = Witness(ScriptedClock())
    world = World(signatures=store)
    await world.ask(chat(GO))
    await world.ask(chat(GO, AssistantMessage(content="Hello."), GO))
    assert store.asked == []


async def test_an_endpoint_that_signs_nothing_costs_no_store_a_call() -> None:
    store = Witness(ScriptedClock())
    unsigned = [replace(event, extra_content=None) if isinstance(event, ToolCallDelta) else event for event in step(0)]
    world = World(gemini=[unsigned, HELLO], signatures=store, signs_calls=False)
    reply = (await world.ask(chat(GO))).reply
    await world.ask(chat(GO, *dropped(reply)))
    assert store.asked == []


async def test_another_namespace_or_another_model_finds_nothing() -> None:
    world = World(gemini=[step(0), HELLO])
    reply = (await world.ask(chat(GO))).reply
    await world.ask(chat(GO, *dropped(reply)), client_of("other", namespace="of another"))
    assert sent(world) == [[None, None, None]]
    await world.ask(chat(GO, *dropped(reply), hint=Hint.LOCAL))
    assert world.ollama.calls[-1].request.messages == (GO, *dropped(reply))


async def test_where_a_store_is_shared_only_secure_chats_use_the_one_of_the_process() -> None:
    store = Witness(ScriptedClock())
    world = World(gemini=[step(0)], ollama=[step(0), HELLO], signatures=store)
    reply = (await world.ask(chat(GO, hint=Hint.SECURE))).reply
    await world.ask(chat(GO, *dropped(reply), hint=Hint.SECURE))
    assert sent(world) == [["first 0", None, None]]
    assert store.asked == []
    await world.ask(chat(GO))
    assert store.asked == ["put"]


async def test_a_store_that_loses_everything_fails_no_chat() -> None:
    clock = ScriptedClock()
    world = World(gemini=[step(0), HELLO], clock=clock, signatures=Forgetful(clock, timedelta(hours=1)))
    reply = (await world.ask(chat(GO))).reply
    told = await world.ask(chat(GO, *dropped(reply)))
    assert told.reply.content == "Hello there"
    assert sent(world) == [[None, None, None]]


@pytest.mark.parametrize("entry", [b"", b"no entry", b"\xc1"])
async def test_an_entry_that_cannot_be_read_is_not_there(entry: bytes) -> None:
    class Spoiled(MemorySignatureStore):
        @override
        async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
            return dict.fromkeys(keys, entry)

    clock = ScriptedClock()
    world = World(gemini=[step(0), HELLO], clock=clock, signatures=Spoiled(clock, timedelta(hours=1)))
    reply = (await world.ask(chat(GO))).reply
    await world.ask(chat(GO, *dropped(reply)))
    assert sent(world) == [[None, None, None]]


async def test_an_entry_of_another_answer_is_not_there() -> None:
    class Confused(MemorySignatureStore):
        @override
        async def get(self, keys: Sequence[SignatureKey]) -> Mapping[SignatureKey, bytes]:
            (entry,) = (await super().get(tuple(self._entries))).values()
            return dict.fromkeys(keys, entry)

    clock = ScriptedClock()
    world = World(gemini=[step(0), HELLO], clock=clock, signatures=Confused(clock, timedelta(hours=1)))
    reply = (await world.ask(chat(GO))).reply
    other = replace(reply, tool_calls=tuple(replace(call, id=f"other {call.id}") for call in reply.tool_calls))
    await world.ask(chat(GO, *dropped(other)))
    assert sent(world) == [[None, None, None]]


async def test_the_end_of_an_answer_is_told_only_once_its_signatures_are_kept() -> None:
    clock = ScriptedClock()
    store = Witness(clock, seconds=0.05)
    world = World(gemini=[step(0), HELLO], clock=clock, signatures=store)
    asking = asyncio.ensure_future(world.ask(chat(GO, grain=Grain.STREAM)))
    await clock.advance(0.04)
    assert (store.asked, asking.done(), len(store)) == (["put"], False, 0)
    await clock.advance(0.01)
    await world.ask(chat(GO, *dropped((await asking).reply)))
    assert sent(world) == [["first 0", None, None]]


async def test_what_is_restored_is_in_no_cache_key() -> None:
    world = World(gemini=[step(0), HELLO])
    reply = (await world.ask(chat(GO))).reply
    history = (GO, *dropped(reply))
    assert (await world.ask(chat(*history))).cache is CacheStatus.MISS
    world.process_signatures._entries.clear()
    assert (await world.ask(chat(*history))).cache is CacheStatus.HIT


async def test_signatures_are_kept_also_of_answers_that_are_not() -> None:
    world = World(gemini=[step(0), HELLO])
    bypass = CacheDirective(mode=CacheMode.BYPASS)
    reply = (await world.ask(chat(GO, cache=bypass))).reply
    await world.ask(chat(GO, *dropped(reply), cache=bypass))
    assert sent(world) == [["first 0", None, None]]
