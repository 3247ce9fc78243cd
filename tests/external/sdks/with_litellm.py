"""LiteLLM's `responses()` and its ways to Messages, against a gateway: `with_litellm.py URL KEY MODEL...`."""

import asyncio
import json
from typing import Any

import litellm
from asked_for import PLACES, get_weather, key, told, url

litellm.telemetry = False
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
OF_CHATS: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
OF_RESPONSES: Any = [{"type": "function", "name": "get_weather", "parameters": SCHEMA}]
OPENAI: Any = {"api_base": f"{url}/v1", "api_key": key}
ANTHROPIC: Any = {"api_base": url, "api_key": key}


def responses(model: str) -> Any:
    history: Any = [{"role": "user", "content": PLACES}]
    for _ in range(9):
        answer: Any = litellm.responses(model=f"openai/{model}", input=history, tools=OF_RESPONSES, **OPENAI)
        made = [item for item in answer.output if item.type == "function_call"]
        if not made:
            return answer.output[-1].content[0].text
        history += [item.model_dump(exclude_none=True) for item in answer.output]
        history += [
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": get_weather(**json.loads(call.arguments)),
            }
            for call in made
        ]
    return history


def streamed_responses(model: str) -> Any:
    events: Any = litellm.responses(model=f"openai/{model}", input="Hello", stream=True, **OPENAI)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def chats(model: str) -> Any:
    """A chat completion that goes to Messages."""
    messages: Any = [{"role": "user", "content": PLACES}]
    for _ in range(9):
        answer: Any = litellm.completion(model=f"anthropic/{model}", messages=messages, tools=OF_CHATS, **ANTHROPIC)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
            for call in message.tool_calls
        ]
    return messages


def streamed_chat(model: str) -> Any:
    messages: Any = [{"role": "user", "content": "Hello"}]
    chunks: Any = litellm.completion(model=f"anthropic/{model}", messages=messages, stream=True, **ANTHROPIC)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def messages_of(model: str, to: Any) -> Any:
    """A request for Messages, to Messages or, by the bridge, to Responses."""
    asked: Any = [{"role": "user", "content": "Hello"}]
    answer: Any = await litellm.anthropic_messages(model=model, messages=asked, max_tokens=8192, **to)
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


def seen(model: str) -> dict[str, Any]:
    return {
        **{see.__name__: see(model) for see in (responses, streamed_responses, chats, streamed_chat)},
        "messages": asyncio.run(messages_of(f"anthropic/{model}", ANTHROPIC)),
        "bridge": asyncio.run(messages_of(f"openai/{model}", OPENAI)),
    }


told(seen)
