"""Log probabilities on both surfaces: asked for, refused, told whole, streamed and from the cache."""

from typing import Any

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, answer
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.events import Finished, TextDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.routing import Feature

from .served import Serve, Served, chat, endpoint, stopped_clock
from .sse import chunks_of, events_of

NATIVE, OPENAI = "/api/v1/chat", "/v1/chat/completions"
LIKELIEST = (TokenLogprob(token="Hi", logprob=-0.25, raw=b"Hi"), TokenLogprob(token="Yo", logprob=-2.0))
TOKENS = (ChosenLogprob(token=LIKELIEST[0], top=LIKELIEST), ChosenLogprob(token=TokenLogprob(token="!", logprob=-1.5)))
FULL: Script = [
    TextDelta(text="Hi", logprobs=TOKENS[:1]),
    TextDelta(text="!", logprobs=TOKENS[1:]),
    Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=2), model="scripted-1"),
]
WIRE: list[dict[str, Any]] = [
    {
        "token": "Hi",
        "logprob": -0.25,
        "bytes": [72, 105],
        "top_logprobs": [
            {"token": "Hi", "logprob": -0.25, "bytes": [72, 105]},
            {"token": "Yo", "logprob": -2.0, "bytes": None},
        ],
    },
    {"token": "!", "logprob": -1.5, "bytes": None, "top_logprobs": []},
]


async def ask(served: Served, url: str, **fields: Any) -> Any:
    return await served.client.post(url, json={"model": "ollama", **chat(**fields)})


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(stopped_clock(), FULL)


async def test_openai_s_clients_have_them_in_the_choice(start: Serve, model: ScriptedChatModel) -> None:
    served = await start(model)
    for _ in range(2):  # the second is the cache's
        body = (await ask(served, OPENAI, logprobs=True, top_logprobs=2)).json()
        assert body["choices"][0]["logprobs"] == {"content": WIRE, "refusal": None}
    assert len(model.calls) == 1
    assert (model.calls[0].request.logprobs, model.calls[0].request.top_logprobs) == (True, 2)


async def test_openai_s_streams_have_them_in_the_chunk_of_their_text(start: Serve, model: ScriptedChatModel) -> None:
    response = await ask(await start(model), OPENAI, logprobs=True, stream=True)
    choices = [chunk["choices"][0] for chunk in chunks_of(response.text)[:-1]]
    told = [None if one["logprobs"] is None else one["logprobs"]["content"] for one in choices]
    assert told == [None, WIRE[:1], WIRE[1:], None]


async def test_the_native_surface_has_them_beside_the_content(start: Serve, model: ScriptedChatModel) -> None:
    served = await start(model)
    streamed = events_of((await ask(served, NATIVE, logprobs=True, stream=True)).text)
    assert [data.get("logprobs") for name, data in streamed if name == "delta"] == [WIRE[:1], WIRE[1:]]
    assert "logprobs" not in streamed[-1][1]
    assert (await ask(served, NATIVE, logprobs=True)).json()["logprobs"] == WIRE


async def test_an_answer_without_them_is_another_answer(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Hi."), FULL)
    served = await start(model)
    assert (await ask(served, OPENAI)).json()["choices"][0]["logprobs"] is None
    assert (await ask(served, OPENAI, logprobs=True)).json()["choices"][0]["logprobs"] is not None
    assert len(model.calls) == 2


@pytest.mark.parametrize("url", [OPENAI, NATIVE])
async def test_an_endpoint_that_tells_none_refuses_by_the_field(
    start: Serve, model: ScriptedChatModel, url: str
) -> None:
    served = await start(model, endpoints=[endpoint("ollama", without=frozenset({Feature.LOGPROBS}))])
    response = await ask(served, url, logprobs=True, top_logprobs=2)
    assert response.status_code == 400
    assert '"logprobs"' in response.text
    assert not model.calls


@pytest.mark.parametrize("url", [OPENAI, NATIVE])
async def test_top_logprobs_alone_is_refused(served: Served, url: str) -> None:
    response = await ask(served, url, top_logprobs=2)
    assert response.status_code == 400
    assert '"top_logprobs"' in response.text
