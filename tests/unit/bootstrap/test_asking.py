"""A question in one call: `ask` gives its answer's text, `stream` the same in pieces."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from llm_gateway import (
    Bucket,
    CacheDirective,
    CacheMode,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    Feature,
    Finished,
    FinishReason,
    FixedEndpoints,
    Gateway,
    Grain,
    Hint,
    Image,
    InvalidRequest,
    JsonFormat,
    Locality,
    NoRoute,
    ProviderRejected,
    Quota,
    QuotaExceeded,
    ReasoningEffort,
    Sampling,
    SystemMessage,
    Text,
    TextDelta,
    Usage,
    UserMessage,
    open_gateway,
)
from llm_gateway.testing import RecordingObserver, Script, ScriptedChatModel, ScriptedClock, Wait, answer

OWN = EndpointId(provider="own", model="model-1")
STATES = [
    EndpointState(endpoint=Endpoint(id=OWN, locality=Locality.ON_PREMISES), features=frozenset(Feature)),
    EndpointState(
        endpoint=Endpoint(id=EndpointId(provider="far", model="model-2"), locality=Locality.CLOUD),
        features=frozenset(Feature),
    ),
]


@asynccontextmanager
async def opened(*scripts: Script, **overrides: Any) -> AsyncGenerator[tuple[Gateway, ScriptedChatModel], None]:
    model = ScriptedChatModel(ScriptedClock(), *scripts)
    models = {"own": model, "far": model}
    async with open_gateway(chat_models=models, endpoints=FixedEndpoints(STATES), **overrides) as gateway:
        yield gateway, model


async def test_a_question_is_answered_with_text() -> None:
    async with opened(answer("Hello there")) as (gateway, model):
        text = await gateway.ask("Say hello", hint="local")
    assert text == "Hello there"
    (call,) = model.calls
    assert call.request.messages == (UserMessage(content=(Text(text="Say hello"),)),)
    assert call.grain is Grain.WHOLE


async def test_the_twin_gives_the_same_in_pieces() -> None:
    async with opened(answer("Hello there")) as (gateway, model):
        pieces = [piece async for piece in gateway.stream("Say hello", hint="local")]
    assert pieces == ["Hello", " there"]
    assert model.calls[0].grain is Grain.STREAM


async def test_everything_else_may_be_said_too() -> None:
    sampling = Sampling(temperature=0.5, stop=("END",))
    picture = Image(data=b"\x89", mime_type="image/png")
    async with opened(answer("{}")) as (gateway, model):
        await gateway.ask(
            [Text(text="What is it?"), picture],
            model="far",
            system="Be brief.",
            max_tokens=7,
            sampling=sampling,
            response_format=JsonFormat(),
            reasoning_effort=ReasoningEffort.LOW,
            timeout=timedelta(seconds=5),
        )
    (call,) = model.calls
    assert call.to.id.provider == "far"
    request = call.request
    assert request.messages == (
        SystemMessage(content="Be brief."),
        UserMessage(content=[Text(text="What is it?"), picture]),
    )
    assert (request.max_tokens, request.sampling) == (7, sampling)
    assert (request.response_format, request.reasoning_effort) == (JsonFormat(), ReasoningEffort.LOW)


async def test_secure_is_secure() -> None:
    async with opened(answer("here")) as (gateway, model):
        with pytest.raises(InvalidRequest, match="in the cloud"):
            await gateway.ask("hello", hint=Hint.SECURE, model="far")
        await gateway.ask("hello", hint="secure")
    assert [call.to.id.provider for call in model.calls] == ["own"]


async def test_an_answer_is_asked_for_once_and_can_be_asked_for_anew() -> None:
    async with opened(answer("one"), answer("two")) as (gateway, model):
        texts = [await gateway.ask("hello") for _ in range(2)]
        texts.append(await gateway.ask("hello", cache=CacheDirective(mode=CacheMode.BYPASS)))
    assert texts == ["one", "one", "two"]
    assert len(model.calls) == 2


async def test_a_client_has_its_own_quota_and_the_program_itself_has_none() -> None:
    quota = Quota(requests=Bucket.of(1, 0.001))
    client = Client(id=ClientId("somebody"), namespace="somebody", quota=quota)
    observer = RecordingObserver()
    async with opened(*[answer("hi")] * 9, observer=observer) as (gateway, _):
        await gateway.ask("hello", client=client)
        with pytest.raises(QuotaExceeded):
            await gateway.ask("hello", client=client)
        for _ in range(8):
            await gateway.ask("hello", cache=CacheDirective(mode=CacheMode.BYPASS))
    assert [record.client for record in observer.records][:3] == ["somebody", "somebody", "_host"]


@pytest.mark.parametrize("hint", ["", "LOCAL", "secret"])
async def test_an_unknown_hint_is_refused(hint: str) -> None:
    async with opened() as (gateway, model):
        with pytest.raises(InvalidRequest, match="hint: must be one of online, fast, local, secure"):
            await gateway.ask("hello", hint=hint)
    assert not model.calls


async def test_what_is_no_prompt_or_no_option_is_refused() -> None:
    async with opened() as (gateway, _):
        with pytest.raises(TypeError, match=r"UserMessage\.content\[0\]"):
            await gateway.ask(["hello"])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="temprature"):
            await gateway.ask("hello", temprature=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="temprature"):
            async for _ in gateway.stream("hello", temprature=1):  # type: ignore[call-arg]
                pass


async def test_a_text_that_the_provider_withheld_is_no_answer() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    withheld: Script = [
        TextDelta(text="I"),
        Finished(reason=FinishReason.CONTENT_FILTER, usage=usage, model="model-1"),
    ]
    async with opened(withheld, withheld) as (gateway, _):
        with pytest.raises(ProviderRejected, match="own: its content filter"):
            await gateway.ask("hello", hint="secure")
        pieces = gateway.stream("hello", hint="secure")
        assert await anext(pieces) == "I"
        with pytest.raises(ProviderRejected, match="own: its content filter"):
            await anext(pieces)


async def test_leaving_a_stream_ends_the_call() -> None:
    async with opened([TextDelta(text="Hello"), Wait(1000)]) as (gateway, model):
        async with aclosing(gateway.stream("hello")) as pieces:
            assert await anext(pieces) == "Hello"
            assert model.open_calls == 1
        assert model.open_calls == 0


async def test_errors_are_the_gateway_s_own() -> None:
    async with open_gateway(chat_models={}, endpoints=FixedEndpoints([])) as gateway:
        with pytest.raises(NoRoute):
            await gateway.ask("hello")
        with pytest.raises(NoRoute):
            await anext(gateway.stream("hello"))
