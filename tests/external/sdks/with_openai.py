"""The official client's Responses against a gateway: `with_openai.py URL KEY MODEL...`."""

import json
from typing import Any

import openai
from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from openai import OpenAI

client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
TOOLS: Any = [
    {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        "strict": False,
    }
]


def whole(model: str) -> Any:
    answer = client.responses.create(model=model, input="Hello", instructions="Be brief.")
    usage: Any = answer.usage
    return [answer.output_text, answer.status, usage.total_tokens == usage.input_tokens + usage.output_tokens]


def streamed(model: str) -> Any:
    events = list(client.responses.create(model=model, input="Hello", stream=True))
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    numbers = [event.sequence_number for event in events]
    last: Any = events[-1]
    return ["".join(texts), len(texts) > 1, numbers == [*range(len(events))], last.type, last.response.output_text]


def managed(model: str) -> Any:
    with client.responses.stream(model=model, input="Hello") as stream:
        for _ in stream:
            pass
        return stream.get_final_response().output_text


def parsed(model: str) -> Any:
    answer: Any = client.responses.parse(model=model, input=THING, text_format=Thing)
    with client.responses.stream(model=model, input=THING, text_format=Thing) as stream:
        again: Any = stream.until_done().get_final_response()
    assert again.output_parsed == answer.output_parsed
    return answer.output_parsed.model_dump(mode="json")


def loop(model: str, streams: bool, **more: Any) -> Any:
    """The calls, and the last words; the history goes back as it came."""
    history: Any = [{"role": "user", "content": PLACES}]
    calls = []
    for _ in range(9):
        asked: Any = {"model": model, "input": history, "tools": TOOLS, **more}
        if streams:
            with client.responses.stream(**asked) as stream:
                answer: Any = stream.until_done().get_final_response()
        else:
            answer = client.responses.create(**asked)
        history += answer.output
        made = [item for item in answer.output if item.type == "function_call"]
        if not made:
            return [calls, answer.output_text]
        for call in made:
            place = json.loads(call.arguments)["place"]
            calls.append(place)
            history.append({"type": "function_call_output", "call_id": call.call_id, "output": get_weather(place)})
    return calls


def counted(model: str) -> Any:
    return client.responses.input_tokens.count(model=model, input="Hello").input_tokens


def raised(model: str, **changed: Any) -> Any:
    try:
        own = {name: changed.pop(name) for name in ("api_key",) if name in changed}
        client.with_options(**own).responses.create(**{"model": model, "input": "Hello", **changed})
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param]
    return None


SIGNED: Any = {"include": ["reasoning.encrypted_content"], "store": False, "reasoning": {"summary": "auto"}}


def seen(model: str) -> dict[str, Any]:
    return {
        **{see.__name__: see(model) for see in (whole, streamed, managed, parsed, counted)},
        "loop": loop(model, streams=False, **SIGNED),
        "streamed_loop": loop(model, streams=True, **SIGNED),
        "key": raised(model, api_key="wrong"),
        "model": raised("gpt-9"),
        "field": raised(model, previous_response_id="resp_1"),
    }


told(seen)
