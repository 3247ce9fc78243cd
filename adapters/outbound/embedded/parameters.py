"""Where the embedded engine's requests hold the fields of a chat request."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.parameters import Column, Place, features_of, left_out_of

from .limits import OUTPUT_LIMIT, PROVIDER

PLACES: Final[Mapping[str, Place]] = {
    "messages[].content": Place("messages[].content"),
    "messages[].content, of a system message": Place("messages[].content"),
    "max_tokens": Place("max_tokens", f"at most {OUTPUT_LIMIT}"),
    "temperature": Place("temperature"),
    "top_p": Place("top_p"),
    "top_k": Place("top_k"),
    "stop": Place("stop", "a list"),
    "seed": Place("seed", "its remainder in 32 bits"),
    "presence_penalty": Place("presence_penalty"),
    "frequency_penalty": Place("frequency_penalty"),
    "response_format: json_object": Place("response_format", "the schema of any object"),
    "response_format: json_schema": Place(
        "response_format.json_schema.schema", "without what the engine would not enforce, or refused"
    ),
    "response_format.json_schema.strict": Place("", "every schema binds"),
    "messages[].content, of a last answer": Place("messages[].content"),
    "reasoning_effort: none": Place("", "the model does not reason"),
}

FEATURES: Final = features_of(PLACES)
LEFT_OUT: Final = left_out_of(PLACES)

COLUMNS: Final = (Column(provider=PROVIDER, models="*", features=FEATURES, left_out=LEFT_OUT, places=PLACES),)
