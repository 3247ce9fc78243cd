"""Where Ollama's requests hold the fields of a chat request, and what depends on the model."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.parameters import Column, Place, features_of, left_out_of
from llm_gateway.domain.routing import Feature

_ALWAYS: Final[Mapping[str, Place]] = {
    "messages[].content": Place("messages[].content"),
    "messages[].content, of a system message": Place("messages[].content"),
    "max_tokens": Place("options.num_predict", "as it is; the default, with what thinking takes"),
    "temperature": Place("options.temperature"),
    "top_p": Place("options.top_p"),
    "top_k": Place("options.top_k"),
    "stop": Place("options.stop", "a list"),
    "seed": Place("options.seed"),
    "presence_penalty": Place("options.presence_penalty"),
    "frequency_penalty": Place("options.frequency_penalty"),
    "response_format: json_object": Place("format", "`json`"),
    "response_format: json_schema": Place("format", "the schema"),
    "response_format.json_schema.strict": Place("", "every schema binds"),
    "messages[].content, of a last answer": Place("messages[].content"),
    "logprobs": Place("logprobs"),
    "top_logprobs": Place("top_logprobs"),
    "reasoning_effort: none": Place("", "`think` is off, or absent where the model does not reason"),
}
_BY_CAPABILITY: Final[Mapping[str, Mapping[str, Place]]] = {
    "tools": {
        "messages[].tool_calls": Place(
            "messages[].tool_calls[]", "arguments as an object; text that is none as `raw_arguments` in one"
        ),
        "messages[].tool_call_id": Place("messages[].tool_call_id", "with the function's name as `tool_name`"),
        "messages[].error": Place("messages[].content", "after the word `Error`"),
        "tools": Place("tools[]", "a schema without what the server would drop, which is named"),
        "tool_choice: none": Place("tools[]", "the tools are not offered"),
        "tool_choice: required": Place("format", "any of the tools' schemas; the answer is given as the call"),
        "tool_choice: a function": Place("format", "the tool's schema; the answer is given as the call"),
        "tools[].function.strict": Place("", "binds where the tool must be called; elsewhere named in the answer"),
        "response_format: beside tools": Place("format", "as without tools"),
        "response_format: beside a tool_choice": Place("", "the answer is a call, and no text for it to bind"),
    },
    "vision": {
        "messages[].content, an image": Place("messages[].images[]", "base64"),
        "messages[].content, media of a tool result": Place("messages[].images[]", "base64, in the result's message"),
    },
    "thinking": {
        "reasoning_effort": Place(
            "think", "`true`, or a level for gpt-oss; off, or the lowest level, where nothing is said"
        ),
    },
}
"""What a model takes that the server says to have the capability."""
PLACES: Final[Mapping[str, Place]] = {
    **_ALWAYS,
    **{field: place for places in _BY_CAPABILITY.values() for field, place in places.items()},
}

FEATURES: Final = features_of(_ALWAYS)
"""What the server honours for every model."""
BY_CAPABILITY: Final = {capability: features_of(places) for capability, places in _BY_CAPABILITY.items()}

LEFT_OUT: Final = left_out_of(PLACES)

COLUMNS: Final = (
    Column(
        provider="ollama",
        models="*",
        features=FEATURES,
        left_out=LEFT_OUT,
        by_model=frozenset[Feature]().union(*BY_CAPABILITY.values()),
        places=PLACES,
    ),
)
