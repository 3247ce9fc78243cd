"""The official client of Messages against a gateway: `with_anthropic.py URL KEY MODEL...`."""

from typing import Any

import anthropic
from anthropic import Anthropic, beta_tool
from asked_for import PLACES, THING, Thing, get_weather, key, told, url

client = Anthropic(base_url=url, auth_token=key, max_retries=0)
TOOLS: Any = [
    {
        "name": "get_weather",
        "description": "The weather at a place.",
        "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    }
]
THINKING: Any = {"type": "enabled", "budget_tokens": 4096}


def asking(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 8192, "messages": [{"role": "user", "content": text}], **more}


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def whole(model: str) -> Any:
    message = client.messages.create(**asking(model, "Hello", system="Be brief."))
    return [text_of(message), message.stop_reason, message.usage.input_tokens > 0, message.usage.output_tokens > 0]


def streamed(model: str) -> Any:
    with client.messages.stream(**asking(model, "Hello")) as stream:
        texts = list(stream.text_stream)
        message = stream.get_final_message()
    return ["".join(texts), len(texts) > 1, message.stop_reason, message.usage.output_tokens > 0]


def parsed(model: str) -> Any:
    message: Any = client.messages.parse(**asking(model, THING), output_format=Thing)
    return message.parsed_output.model_dump(mode="json")


def thinking(model: str) -> Any:
    with client.messages.stream(**asking(model, "Hello", thinking=THINKING)) as stream:
        message = stream.get_final_message()
    return [block.thinking for block in message.content if block.type == "thinking" and block.thinking]


def loop(model: str, streams: bool) -> Any:
    """The calls, and the last words; the history goes back as it came."""
    asked = asking(model, PLACES, tools=TOOLS, thinking=THINKING)
    calls = []
    for _ in range(9):
        if streams:
            with client.messages.stream(**asked) as stream:
                message: Any = stream.get_final_message()
        else:
            message = client.messages.create(**asked)
        asked["messages"] += [{"role": "assistant", "content": message.content}]
        made = [block for block in message.content if block.type == "tool_use"]
        if not made:
            return [calls, text_of(message)]
        assert message.stop_reason == "tool_use"
        calls += [call.input["place"] for call in made]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": get_weather(**call.input)} for call in made
        ]
        asked["messages"] += [{"role": "user", "content": results}]
    return calls


def run(model: str) -> Any:
    runner = client.beta.messages.tool_runner(**asking(model, PLACES), tools=[beta_tool(get_weather)])
    return text_of(runner.until_done())


def counted(model: str) -> Any:
    asked = asking(model, PLACES, tools=TOOLS)
    del asked["max_tokens"]
    return client.messages.count_tokens(**asked).input_tokens


def listed(model: str) -> Any:
    found = {one.id: one for one in client.models.list(limit=1000)}
    return [model in found, found[model].type, client.models.retrieve(model).id == model]


def raised(model: str, **changed: Any) -> Any:
    try:
        own = {name: changed.pop(name) for name in ("auth_token",) if name in changed}
        client.with_options(**own).messages.create(**{**asking(model, "Hello"), **changed})
    except anthropic.APIStatusError as error:
        body: Any = error.body
        return [type(error).__name__, body["error"]["type"], bool(error.request_id)]
    return None


def seen(model: str) -> dict[str, Any]:
    return {
        **{see.__name__: see(model) for see in (whole, streamed, parsed, thinking, run, counted, listed)},
        "loop": loop(model, streams=False),
        "streamed_loop": loop(model, streams=True),
        "key": raised(model, auth_token="wrong"),
        "model": raised("gpt-9"),
        "field": raised(model, container="c"),
    }


told(seen)
