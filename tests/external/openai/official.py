"""The official client against a gateway: `official.py URL KEY SMALL_KEY` prints what it saw as one JSON object.

SMALL_KEY may use one model, and has a quota of one request.
"""

import asyncio
import base64
import json
import math
import sys
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI
from openai.types import EmbeddingCreateParams
from openai.types.chat import completion_create_params
from pydantic import BaseModel
from request_schema import paths

url, key, small_key = sys.argv[1:]
client = OpenAI(base_url=url, api_key=key, max_retries=0)
ASK: Any = {"model": "local", "messages": [{"role": "user", "content": "Hello"}]}
TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}
WEATHER: Any = {"model": "local", "messages": [{"role": "user", "content": "Oslo?"}], "tools": [TOOL]}


class Thing(BaseModel):
    name: str
    legs: int


def whole() -> Any:
    answer = client.chat.completions.create(**ASK, temperature=0, user="u", store=False, n=1)
    choice = answer.choices[0]
    return [choice.message.content, choice.finish_reason, answer.usage.total_tokens, answer.id[:9], answer.object]


def streamed() -> Any:
    chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    texts = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    return ["".join(texts), len(texts), reasons, chunks[-1].usage.total_tokens, chunks[0].choices[0].delta.role]


def tools_whole() -> Any:
    messages = list(WEATHER["messages"])
    first = client.chat.completions.create(**WEATHER).choices[0]
    messages.append(first.message)
    for call in first.message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{call.function.arguments} is wet"})
    last = client.chat.completions.create(**{**WEATHER, "messages": messages})
    calls = [[call.id, call.function.name] for call in first.message.tool_calls]
    return [calls, first.finish_reason, first.message.reasoning_content, last.choices[0].message.content]


def tools_streamed() -> Any:
    with client.chat.completions.stream(**WEATHER) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    messages = [*WEATHER["messages"], message]
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "wet"})
    last = client.chat.completions.create(**{**WEATHER, "messages": messages})
    calls = [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls]
    return [calls, last.choices[0].message.content]


def one_call() -> Any:
    answer = client.chat.completions.create(**WEATHER, parallel_tool_calls=False)
    return [call.id for call in answer.choices[0].message.tool_calls]


def parsed() -> Any:
    answer = client.chat.completions.parse(
        **{**ASK, "messages": [{"role": "user", "content": "A dog?"}]}, response_format=Thing
    )
    return answer.choices[0].message.parsed.model_dump()


def logprobs() -> Any:
    odds: Any = {"model": "local", "messages": [{"role": "user", "content": "Odds?"}], "logprobs": True}
    (token,) = client.chat.completions.create(**odds, top_logprobs=1).choices[0].logprobs.content
    with client.chat.completions.stream(**odds, top_logprobs=1) as stream:
        (again,) = stream.get_final_completion().choices[0].logprobs.content
    return [token.token, token.logprob, token.bytes, [top.token for top in token.top_logprobs], again == token]


def image() -> Any:
    data = base64.b64encode(b"\x89PNG....").decode()
    content = [
        {"type": "text", "text": "Image?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    ]
    answer = client.chat.completions.create(model="local", messages=[{"role": "user", "content": content}])
    return answer.choices[0].message.content


def models() -> Any:
    listed = client.models.list().data
    return [[model.id for model in listed], [client.models.retrieve(model.id).owned_by for model in listed]]


def embeddings() -> Any:
    packed = client.embeddings.create(model="ollama/nomic", input=["one", "two"])
    plain = client.embeddings.create(model="ollama/nomic", input="one", encoding_format="float", dimensions=4)
    near = [abs(a - b) < 1e-6 for a, b in zip(packed.data[0].embedding, plain.data[0].embedding, strict=True)]
    return [len(packed.data), all(near), len(near), packed.usage.prompt_tokens]


def raised(**changed: Any) -> Any:
    own = {name: changed.pop(name) for name in ("api_key",) if name in changed}
    try:
        list(client.with_options(**own).chat.completions.create(**{**ASK, **changed}))
    except openai.APIError as error:
        status = getattr(error, "status_code", None)
        return [type(error).__name__, status, error.code, error.param, bool(getattr(error, "request_id", None))]
    return None


def errors() -> Any:
    def said(text: str) -> Any:
        return [{"role": "user", "content": text}]

    return {
        "key": raised(api_key="wrong"),
        "model": raised(model="gpt-9"),
        "forbidden": raised(api_key=small_key, model="gemini"),
        "field": raised(n=2),
        "unknown": raised(extra_body={"min_p": 0.5}),
        "length": raised(messages=said("Too long")),
        "fault": raised(messages=said("Fail")),
        "away": raised(messages=said("Away")),
        "midway": raised(messages=said("Break off"), stream=True),
    }


def retries() -> Any:
    """The quota allows one request, and the next after some time; the client waits as it is told."""
    small = OpenAI(base_url=url, api_key=small_key, max_retries=0)
    patient = small.with_options(max_retries=2)
    small.chat.completions.create(**ASK)
    try:
        small.chat.completions.create(**ASK)
        refused: Any = None
    except openai.RateLimitError as error:
        exactly = int(error.response.headers["retry-after-ms"])
        refused = [error.code, int(error.response.headers["retry-after"]) == math.ceil(exactly / 1000)]
    return [refused, patient.chat.completions.create(**ASK).choices[0].message.content]


async def asynchronous() -> Any:
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as own:
        answers = await asyncio.gather(*(own.chat.completions.create(**ASK) for _ in range(3)))
        stream = await own.chat.completions.create(**ASK, stream=True)
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        listed = [model.id async for model in own.models.list()]
        vectors = await own.embeddings.create(model="ollama/nomic", input="one")
        return [
            [answer.choices[0].message.content for answer in answers],
            "".join(texts),
            len(listed),
            len(vectors.data),
        ]


def schema() -> Any:
    """The paths of the request fields that this client knows."""
    chat = paths(completion_create_params.CompletionCreateParams)
    return {"chat": sorted(set(chat)), "embedding": sorted(set(paths(EmbeddingCreateParams)))}


print(
    json.dumps(
        {
            seen.__name__: seen()
            for seen in (
                *(whole, streamed, tools_whole, tools_streamed, one_call, parsed, image, models, embeddings, errors),
                *(retries, schema, logprobs),
            )
        }
        | {"asynchronous": asyncio.run(asynchronous())}
    )
)
