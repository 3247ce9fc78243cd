"""Ollama's own client against a gateway's door for it: `with_ollama.py URL KEY MODEL...`."""

from typing import Any

from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from ollama import Client, ResponseError

client = Client(host=url, headers={"Authorization": f"Bearer {key}"})


def asking(text: str) -> Any:
    return [{"role": "user", "content": text}]


def whole(model: str) -> Any:
    answer = client.chat(model, asking("Hello"))
    return [answer.message.content, answer.done, answer.done_reason, (answer.eval_count or 0) > 0]


def streamed(model: str) -> Any:
    parts = list(client.chat(model, asking("Hello"), stream=True))
    return ["".join(part.message.content or "" for part in parts), parts[-1].done]


def generated(model: str) -> Any:
    return client.generate(model, "Hello").response


def parsed(model: str) -> Any:
    answer = client.chat(model, asking(THING), format=Thing.model_json_schema())
    return Thing.model_validate_json(answer.message.content or "").model_dump(mode="json")


def loop(model: str) -> Any:
    messages: Any = asking(PLACES)
    for _ in range(9):
        message = client.chat(model, messages, tools=[get_weather]).message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            content = get_weather(**call.function.arguments)
            messages.append({"role": "tool", "tool_name": call.function.name, "content": content})
    return None


def listed(model: str) -> Any:
    shown = client.show(model)
    return [model in [one.model for one in client.list().models], "completion" in (shown.capabilities or [])]


def absent(model: str) -> Any:
    try:
        client.chat(f"{model}-9", asking("Hello"))
    except ResponseError as error:
        return error.status_code
    return None


def seen(model: str) -> dict[str, Any]:
    return {see.__name__: see(model) for see in (whole, streamed, generated, parsed, loop, listed, absent)}


told(seen)
