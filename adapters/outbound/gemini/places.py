"""Where Gemini's requests hold the fields of a chat request, in groups that whole families of models have or lack."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from llm_gateway.domain.parameters import Place

Places: TypeAlias = Mapping[str, Place]

MAX_STOPS: Final = 5
_CHOICE: Final = "toolConfig.functionCallingConfig"

PLAIN: Final[Places] = {
    "messages[].content": Place("contents[].parts[].text"),
    "messages[].content, of a system message": Place("systemInstruction.parts[].text"),
    "messages[].extra_content": Place("contents[].parts[].thoughtSignature", "the signature, byte for byte"),
    "max_tokens": Place(
        "generationConfig.maxOutputTokens", "as it is; the default, with what the level of thinking takes"
    ),
    "temperature": Place("generationConfig.temperature"),
    "top_p": Place("generationConfig.topP"),
    "stop": Place("generationConfig.stopSequences", f"a list; more than {MAX_STOPS} are refused"),
    "seed": Place("generationConfig.seed", "as it is; beyond 32 bits it is refused"),
}
RICH: Final[Places] = {
    "messages[].content, an image": Place("contents[].parts[].inlineData", "base64 and its type"),
    "messages[].tool_calls": Place("contents[].parts[].functionCall", "arguments as an object"),
    "messages[].tool_call_id": Place(
        "contents[].parts[].functionResponse", "with the function's name; content that is no JSON object as `output`"
    ),
    "tools": Place("tools[].functionDeclarations[]", "schemas as `parametersJsonSchema`"),
    "tool_choice: none": Place(f"{_CHOICE}.mode", "`NONE`"),
    "tool_choice: required": Place(f"{_CHOICE}.mode", "`ANY`"),
    "tool_choice: a function": Place(f"{_CHOICE}.allowedFunctionNames[]", "with the mode `ANY`"),
    "response_format: json_object": Place("generationConfig.responseMimeType", "`application/json`"),
    "response_format: json_schema": Place("generationConfig.responseJsonSchema", "with the type `application/json`"),
    "response_format.json_schema.description": Place(
        "generationConfig.responseJsonSchema.description", "where the schema has none of its own"
    ),
}
"""Images, tools and structured output."""
PENALTIES: Final[Places] = {
    "presence_penalty": Place("generationConfig.presencePenalty"),
    "frequency_penalty": Place("generationConfig.frequencyPenalty"),
}
TOP_K: Final[Places] = {"top_k": Place("generationConfig.topK")}
THINKING: Final[Places] = {
    "reasoning_effort": Place(
        "generationConfig.thinkingConfig", "a level or a budget, by family; the lowest where nothing is said"
    ),
}
PLACES: Final[Places] = {**PLAIN, **RICH, **TOP_K, **PENALTIES, **THINKING}
