"""Where Ollama's requests hold the fields of a chat request, and what depends on the model."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.parameters import Column, Place

from .catalogue import BY_CAPABILITY, FEATURES

PLACES: Final[Mapping[str, Place]] = {
    "messages[].content": Place("messages[].content"),
    "messages[].content, of a system message": Place("messages[].content"),
    "messages[].content, an image": Place("messages[].images[]", "base64"),
    "messages[].tool_calls": Place("messages[].tool_calls[]", "arguments as an object"),
    "messages[].tool_call_id": Place("messages[].tool_call_id", "with the function's name as `tool_name`"),
    "max_tokens": Place("options.num_predict"),
    "temperature": Place("options.temperature"),
    "top_p": Place("options.top_p"),
    "stop": Place("options.stop", "a list"),
    "seed": Place("options.seed"),
    "presence_penalty": Place("options.presence_penalty"),
    "frequency_penalty": Place("options.frequency_penalty"),
    "tools": Place("tools[]", "without `strict`"),
    "tool_choice: none": Place("tools[]", "the tools are not offered"),
    "response_format: json_object": Place("format", "`json`"),
    "response_format: json_schema": Place("format", "the schema"),
    "reasoning_effort": Place(
        "think", "`true`, or a level for gpt-oss; off, or the lowest level, where nothing is said"
    ),
}

COLUMNS: Final = (
    Column(
        provider="ollama",
        models="*",
        features=FEATURES,
        by_model=frozenset(BY_CAPABILITY.values()),
        places=PLACES,
    ),
)
