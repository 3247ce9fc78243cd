"""Where Gemini's requests hold the fields of a chat request, in groups that models have or lack by their facts."""

from collections.abc import Iterator, Mapping, Set
from typing import Final, TypeAlias

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.media import PDF
from llm_gateway.domain.parameters import Place

Places: TypeAlias = Mapping[str, Place]

MAX_STOPS: Final = 5
SEED_BITS: Final = 32
_CHOICE: Final = "toolConfig.functionCallingConfig"
_THINKING: Final = "generationConfig.thinkingConfig"

_ALWAYS: Final[Places] = {
    "messages[].content": Place("contents[].parts[].text"),
    "messages[].content, of a system message": Place(
        "systemInstruction.parts[].text", "after the first other message as marked text of the user's, in its place"
    ),
    "messages[].extra_content": Place("contents[].parts[].thoughtSignature", "the signature, byte for byte"),
    "max_tokens": Place(
        "generationConfig.maxOutputTokens", "as it is; the default, with what the level of thinking takes"
    ),
    "stop": Place("generationConfig.stopSequences", f"a list; more than {MAX_STOPS} are refused"),
}
_NO_SYSTEM: Final[Places] = {
    "messages[].content, of a system message": Place("contents[].parts[].text", "as marked text of the user's"),
}
_SAMPLING: Final[Places] = {
    "temperature": Place("generationConfig.temperature"),
    "top_p": Place("generationConfig.topP"),
    "top_k": Place("generationConfig.topK"),
    "seed": Place("generationConfig.seed", f"as it is; beyond {SEED_BITS} bits it is refused"),
}
_PREFILL: Final[Places] = {
    "messages[].content, of a last answer": Place("contents[].parts[].text", "in a last content of the role `model`"),
}
_IMAGES: Final[Places] = {
    "messages[].content, an image": Place("contents[].parts[].inlineData", "base64 and its type"),
}
_IMAGE_URLS: Final[Places] = {
    "messages[].content, an image by its URL": Place(
        "contents[].parts[].fileData", "with the type that the end of its path says"
    ),
}
_DETAIL: Final[Places] = {
    "messages[].content, an image's detail": Place(
        "contents[].parts[].mediaResolution.level", "`MEDIA_RESOLUTION_LOW` or `_HIGH`"
    ),
}
_DOCUMENTS: Final[Places] = {
    "messages[].content, a document": Place("contents[].parts[].inlineData", "base64 and its type"),
}
_TOOLS: Final[Places] = {
    "messages[].tool_calls": Place(
        "contents[].parts[].functionCall", "arguments as an object; text that is none as `raw_arguments` in one"
    ),
    "messages[].tool_call_id": Place(
        "contents[].parts[].functionResponse",
        "with its name, in the calls' order; what is no JSON object, or one with `$ref`, as `output`",
    ),
    "messages[].error": Place("contents[].parts[].functionResponse.response.error", "the result's text"),
    "tools": Place(
        "tools[].functionDeclarations[]",
        "schemas as `parametersJsonSchema`, in the subset that it takes; names that it does not take as aliases",
    ),
    "tools[].function.strict": Place(f"{_CHOICE}.mode", "`VALIDATED`, where none must be called"),
    "tool_choice: none": Place(f"{_CHOICE}.mode", "`NONE`"),
    "tool_choice: required": Place(f"{_CHOICE}.mode", "`ANY`"),
    "tool_choice: a function": Place(f"{_CHOICE}.allowedFunctionNames[]", "with the mode `ANY`"),
    "response_format: json_object": Place("generationConfig.responseMimeType", "`application/json`"),
    "response_format: json_schema": Place(
        "generationConfig.responseJsonSchema", "with the type `application/json`, in the subset that it takes"
    ),
    "response_format.json_schema.description": Place(
        "generationConfig.responseJsonSchema.description", "where the schema has none of its own"
    ),
    "response_format.json_schema.strict": Place("", "every schema binds"),
}
"""Tools and structured output."""
_TOOL_MEDIA: Final[Places] = {
    "messages[].content, media of a tool result": Place(
        "contents[].parts[].functionResponse.parts[]", "as in any message; PNG, JPEG, WebP and PDF"
    ),
}
_BOTH: Final[Places] = {
    "response_format: beside tools": Place("generationConfig.responseMimeType", "`application/json`"),
}
_EFFORT: Final[Places] = {
    "reasoning_effort": Place(_THINKING, "a level or a budget, by model; the lowest where nothing is said"),
}
_OFF: Final[Places] = {"reasoning_effort: none": Place(f"{_THINKING}.thinkingBudget", "`0`")}
_NEVER_ON: Final[Places] = {"reasoning_effort: none": Place("", "they do not reason")}
_XHIGH: Final[Places] = {"reasoning_effort: xhigh": Place(f"{_THINKING}.thinkingLevel", "`XHIGH`")}


def places_of(facts: ModelFacts) -> Places:
    """Those that a model of these facts has."""
    return {field: place for group in _groups(facts) for field, place in group.items()}


def _media(facts: ModelFacts, taken: Set[str]) -> Iterator[Places]:
    if any(kind.startswith("image/") for kind in taken):
        yield _IMAGES
        if facts.image_urls:
            yield _IMAGE_URLS
        if facts.image_detail:
            yield _DETAIL
    if PDF in taken:
        yield _DOCUMENTS


def without_effect(facts: ModelFacts) -> Iterator[str]:
    """The fields that a model of these facts would take, or be taken for, without any effect."""
    if not facts.sampling:
        yield from _SAMPLING
    if reasons(facts) and not facts.reasoning_off:
        yield from _OFF


def reasons(facts: ModelFacts) -> bool:
    """Whether the model reasons, so that it can be told how much."""
    return bool(facts.levels or facts.budget)


def _groups(facts: ModelFacts) -> Iterator[Places]:
    yield _ALWAYS
    if facts.system is False:
        yield _NO_SYSTEM
    if facts.sampling:
        yield _SAMPLING
    if facts.prefill:
        yield _PREFILL
    yield from _media(facts, frozenset(facts.media_types or ()))
    if facts.tools:
        yield _TOOLS
    if facts.tools and facts.tool_media and facts.media_types:
        yield _TOOL_MEDIA
    if facts.tools and facts.tools_with_json:
        yield _BOTH
    if not reasons(facts):
        yield _NEVER_ON
        return
    yield _EFFORT
    if facts.reasoning_off:
        yield _OFF
    if facts.levels and ReasoningEffort.XHIGH in facts.levels:
        yield _XHIGH
