"""Where requests of OpenAI's API hold the fields of a chat request, in groups that models have or lack."""

from collections.abc import Container, Iterator, Mapping
from typing import Final, TypeAlias

from msgspec.structs import replace

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.media import PDF
from llm_gateway.domain.parameters import Place

Places: TypeAlias = Mapping[str, Place]

_ALWAYS: Final[Places] = {
    "messages[].content": Place("messages[].content"),
    "messages[].content, of a system message": Place(
        "messages[].content",
        "leading ones as one message; a later one in its place, by dialect as marked text of the user's",
    ),
    "max_tokens": Place("max_tokens"),
    "stop": Place("stop", "a list"),
}
_SAMPLING: Final[Places] = {"temperature": Place("temperature"), "top_p": Place("top_p")}
_SAMPLING_TAKEN: Final[Places] = {
    "top_k": Place("top_k"),
    "seed": Place("seed"),
    "presence_penalty": Place("presence_penalty"),
    "frequency_penalty": Place("frequency_penalty"),
    "logprobs": Place("logprobs"),
    "top_logprobs": Place("top_logprobs"),
}
_TAKEN: Final[Places] = {
    "response_format: json_object": Place("response_format"),
    "response_format: json_schema": Place("response_format"),
    "response_format.json_schema.name": Place("response_format.json_schema.name", "beside the schema"),
    "response_format.json_schema.description": Place("response_format.json_schema.description", "beside the schema"),
    "response_format.json_schema.strict": Place("response_format.json_schema.strict", "beside the schema"),
    "messages[].content, of a last answer": Place("messages[].content", "with what has it continued"),
    "messages[].extra_content": Place("messages[]", "the fields that the server gave with an answer that calls tools"),
}
_TOOLS: Final[Places] = {
    "messages[].tool_calls": Place("messages[].tool_calls[]", "with their arguments as text"),
    "messages[].tool_call_id": Place("messages[].tool_call_id", "of another length where the server wants one"),
    "messages[].error": Place("messages[].content", "after the word `Error`"),
    "tools": Place("tools[]", "each with its type"),
    "tool_choice: none": Place("tools[]", "the tools are not offered"),
}
_TOOLS_TAKEN: Final[Places] = {
    "tools[].function.strict": Place("tools[].function.strict", "beside the schema"),
    "tool_choice: required": Place("tool_choice", "`required`, or the server's word for it"),
    "tool_choice: a function": Place("tool_choice", "by its name, or offered alone, and required"),
    "response_format: beside tools": Place("response_format", "as without tools"),
    "response_format: beside a tool_choice": Place("response_format", "as without tools"),
}
_IMAGES: Final[Places] = {"messages[].content, an image": Place("messages[].content[].image_url", "a `data:` URL")}
_IMAGE_URLS: Final[Places] = {
    "messages[].content, an image by its URL": Place("messages[].content[].image_url", "never on the premises"),
}
_DETAIL: Final[Places] = {
    "messages[].content, an image's detail": Place("messages[].content[].image_url.detail", "in its own words")
}
_DOCUMENTS: Final[Places] = {"messages[].content, a document": Place("messages[].content[].file", "a `data:` URL")}
_TOOL_MEDIA: Final[Places] = {
    "messages[].content, media of a tool result": Place("messages[].content", "in a user's message after the results"),
}
_OFF: Final[Places] = {"reasoning_effort: none": Place("reasoning_effort", "in the server's own way")}
_XHIGH: Final[Places] = {"reasoning_effort: xhigh": Place("reasoning_effort", "the server's word for it")}


def places_of(takes: Container[str], names: Mapping[str, str], facts: ModelFacts) -> Places:
    """Those that a model of these facts has, at a server that takes these fields, under its own names for them."""
    places: dict[str, Place] = {}
    for group, all_of_it in _groups(facts):
        places |= {field: place for field, place in group.items() if all_of_it or field in takes}
    for field, name in names.items():
        if field in places:
            places[field] = replace(places[field], at=name)
    return places


def without_effect(facts: ModelFacts) -> Iterator[str]:
    """The fields that a model of these facts would take, or be taken for, without any effect."""
    if facts.sampling is False:
        yield from _SAMPLING
        yield from (field for field in _SAMPLING_TAKEN if field != "top_k")
    if not facts.reasoning_off:
        yield from _OFF


def _groups(facts: ModelFacts) -> Iterator[tuple[Places, bool]]:
    """Each with whether every server takes it."""
    yield _ALWAYS, True
    if facts.sampling is not False:
        yield _SAMPLING, True
        yield _SAMPLING_TAKEN, False
    yield _TAKEN, False
    if facts.tools:
        yield _TOOLS, True
        yield _TOOLS_TAKEN, False
    yield from ((group, True) for group in (*_media(facts), *_reasoning(facts)))


def _reasoning(facts: ModelFacts) -> Iterator[Places]:
    if facts.levels:
        yield {"reasoning_effort": Place("reasoning_effort", "a level that the model has")}
        if ReasoningEffort.XHIGH in facts.levels:
            yield _XHIGH
    if facts.reasoning_off:
        yield _OFF


def _media(facts: ModelFacts) -> Iterator[Places]:
    media = facts.media_types or ()
    if any(kind.startswith("image/") for kind in media):
        yield _IMAGES
        if facts.image_urls:
            yield _IMAGE_URLS
        if facts.image_detail:
            yield _DETAIL
    if PDF in media:
        yield _DOCUMENTS
    if media and facts.tools and facts.tool_media is not False:
        yield _TOOL_MEDIA
