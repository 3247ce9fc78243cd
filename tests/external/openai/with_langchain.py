"""LangChain's client against a gateway: `with_langchain.py URL KEY` prints what it saw as one JSON object."""

import json
import sys
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

url, key = sys.argv[1:]
model = ChatOpenAI(base_url=url, api_key=key, model="local", max_retries=0, stream_usage=True)


class Thing(BaseModel):
    """A thing."""

    name: str
    legs: int


@tool
def get_weather(place: str) -> str:
    """The weather at a place."""
    return f"{place} is wet"


def invoke() -> Any:
    answer = model.invoke("Hello")
    return [answer.content, answer.response_metadata["finish_reason"], answer.usage_metadata["total_tokens"]]


def stream() -> Any:
    chunks = list(model.stream("Hello"))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return [total.content, total.response_metadata["finish_reason"], total.usage_metadata["total_tokens"]]


def bind_tools() -> Any:
    bound = model.bind_tools([get_weather])
    asked: list[Any] = [HumanMessage("Oslo?")]
    first = bound.invoke(asked)
    asked.append(first)
    for call in first.tool_calls:
        asked.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]))
    return [[[call["name"], call["args"]] for call in first.tool_calls], bound.invoke(asked).content]


def stream_tools() -> Any:
    chunks = list(model.bind_tools([get_weather]).stream("Oslo?"))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return [[call["id"], call["name"], call["args"]] for call in total.tool_calls]


def structured() -> Any:
    """By its three methods; the second sends `parallel_tool_calls: false`."""
    return [
        model.with_structured_output(Thing, method=method).invoke("A dog?").model_dump()
        for method in ("json_schema", "function_calling", "json_mode")
    ]


def embed() -> Any:
    own = OpenAIEmbeddings(base_url=url, api_key=key, model="ollama/nomic", check_embedding_ctx_length=False)
    return [len(own.embed_documents(["one", "two"])), len(own.embed_query("one"))]


print(json.dumps({seen.__name__: seen() for seen in (invoke, stream, bind_tools, stream_tools, structured, embed)}))
