"""Where Gemini's requests hold the fields of a chat request, and what each family of models makes of them."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.parameters import Column, Place

from .families import FAMILIES, MAX_STOPS

_CHOICE: Final = "toolConfig.functionCallingConfig"

PLACES: Final[Mapping[str, Place]] = {
    "messages[].content": Place("contents[].parts[].text"),
    "messages[].content, of a system message": Place("systemInstruction.parts[].text"),
    "messages[].content, an image": Place("contents[].parts[].inlineData", "base64 and its type"),
    "messages[].tool_calls": Place("contents[].parts[].functionCall", "arguments as an object"),
    "messages[].tool_call_id": Place(
        "contents[].parts[].functionResponse", "with the function's name; content that is no JSON object as `output`"
    ),
    "messages[].extra_content": Place("contents[].parts[].thoughtSignature", "the signature, byte for byte"),
    "max_tokens": Place("generationConfig.maxOutputTokens"),
    "temperature": Place("generationConfig.temperature"),
    "top_p": Place("generationConfig.topP"),
    "stop": Place("generationConfig.stopSequences", f"a list; more than {MAX_STOPS} are refused"),
    "seed": Place("generationConfig.seed", "as it is; beyond 32 bits it is refused"),
    "presence_penalty": Place("generationConfig.presencePenalty"),
    "frequency_penalty": Place("generationConfig.frequencyPenalty"),
    "tools": Place("tools[].functionDeclarations[]", "schemas as `parametersJsonSchema`"),
    "tool_choice: none": Place(f"{_CHOICE}.mode", "`NONE`"),
    "tool_choice: required": Place(f"{_CHOICE}.mode", "`ANY`"),
    "tool_choice: a function": Place(f"{_CHOICE}.allowedFunctionNames[]", "with the mode `ANY`"),
    "response_format: json_object": Place("generationConfig.responseMimeType", "`application/json`"),
    "response_format: json_schema": Place("generationConfig.responseJsonSchema", "with the type `application/json`"),
    "response_format.json_schema.description": Place(
        "generationConfig.responseJsonSchema.description", "where the schema has none of its own"
    ),
    "reasoning_effort": Place(
        "generationConfig.thinkingConfig", "a level or a budget, by family; the lowest where nothing is said"
    ),
}

COLUMNS: Final = tuple(
    Column(provider="gemini", models=pattern, features=family.features, places=PLACES) for pattern, family in FAMILIES
)
