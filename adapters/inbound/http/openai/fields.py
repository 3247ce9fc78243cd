"""Every field of OpenAI's requests and what becomes of it: the tables that decoding, the docs and the tests follow."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct, json

from llm_gateway.domain.errors import Fault

from ..common.fields import SENT_BACK, Fate, Field, honoured, label, no_effect, ours, refused

FIELDS = (
    honoured("messages", "roles `system`, `developer`, `user`, `assistant` and `tool`"),
    label("messages[].name"),
    refused("messages[].role: function", "deprecated: `tool` takes its place"),
    honoured("messages[].content[].text"),
    honoured("messages[].content[].image_url", "a `data:` URL, or a public `https:` URL, which the provider fetches"),
    honoured("messages[].content[].image_url.detail", "by Gemini from 3 on; else named"),
    honoured("messages[].content[].file", "a PDF as a `data:` URL, by Gemini"),
    refused("messages[].content[].file.file_id", "nothing is stored"),
    refused(
        "messages[].content[].input_audio",
        "only text, images and PDFs are passed on, though Gemini could hear it (November 2026)",
    ),
    refused("messages[].content[].refusal", "no provider here gives one"),
    no_effect("messages[].content[].prompt_cache_breakpoint", "of OpenAI's own prompt cache"),
    refused("messages[].audio", "no provider here speaks"),
    refused("messages[].function_call", "deprecated: `tool_calls` takes its place"),
    honoured("messages[].tool_calls"),
    refused("messages[].tool_calls[].custom", "no provider here knows custom tools"),
    no_effect("messages[].tool_calls[].index", "what a stream's delta held, sent back"),
    no_effect("messages[].tool_calls[].function.parsed_arguments", "what OpenAI's client made of it, sent back"),
    ours("messages[].extra_content", "what an answer held, sent back: Gemini's thought signature"),
    ours("messages[].tool_calls[].extra_content", "what a tool call held, sent back: Gemini's thought signature"),
    *SENT_BACK,
    honoured("model", "a hint, a provider, a model or `provider/model`; `GET /v1/models` lists them"),
    ours("model_hint", "as on `/api/v1/chat`; also the header `X-Gateway-Hint`; `secure` wins"),
    ours("cache", "as on `/api/v1/chat`"),
    ours("top_k", "how many of the likeliest tokens the next is drawn from; by models that draw by it; else named"),
    refused("audio", "no chat of a provider here answers in speech (November 2026)"),
    honoured("frequency_penalty", "by providers that can; else refused"),
    refused("function_call", "deprecated: use `tool_choice`", "none", "auto"),
    refused("functions", "deprecated: use `tools`", []),
    refused("logit_bias", "token ids differ from model to model", {}),
    honoured("logprobs", "of the content's tokens; by Ollama from 0.12.11 on, named by an older; else refused"),
    honoured("max_completion_tokens", "bounds all generated tokens, thoughts included"),
    honoured("max_tokens", "the same under its older name; both must not differ"),
    no_effect("metadata", "nothing is stored", dict[str, Any]),
    refused("modalities", "answers are text", ["text"]),
    refused("moderation", "nothing is moderated"),
    refused("n", "one choice an answer: Gemini from 3 on and Ollama make no more (November 2026)", 1),
    honoured("parallel_tool_calls", "`false`: of several tool calls the answer holds the first"),
    no_effect("prediction", "it can only make an answer faster", dict[str, Any]),
    honoured("presence_penalty", "by providers that can; else refused"),
    no_effect("prompt_cache_key", "of OpenAI's own prompt cache", str),
    no_effect("prompt_cache_options", "of OpenAI's own prompt cache", dict[str, Any]),
    no_effect("prompt_cache_retention", "of OpenAI's own prompt cache", str),
    honoured(
        "reasoning_effort",
        "`none` to `xhigh`, by models that can; else refused, but for `none`, which then asks for the least",
    ),
    honoured("response_format", "`text`, `json_object` and `json_schema`, by providers that can; else refused"),
    label("response_format.json_schema.name"),
    honoured("response_format.json_schema.description", "within the schema, by Gemini; others have no place for it"),
    honoured("response_format.json_schema.strict", "every schema binds"),
    no_effect("safety_identifier", kind=str),
    honoured("seed", "by providers that can; else refused"),
    no_effect(
        "service_tier", "there is one", Literal["auto", "default", "flex", "priority", "scale"], "auto", "default"
    ),
    honoured("stop", "up to 16"),
    no_effect("store", "nothing is stored", bool),
    honoured("stream"),
    honoured("stream_options.include_usage"),
    no_effect("stream_options.include_obfuscation", "nothing is added to a stream"),
    honoured("stream_options", "without `stream` it has no effect"),
    honoured("temperature", "by models that draw by it; else named"),
    honoured("tool_choice", "`none`, `auto`, `required` and a named function"),
    refused("tool_choice.allowed_tools", "send the tools that are allowed"),
    refused("tool_choice.custom", "no provider here knows custom tools"),
    honoured("tools", "by providers that can; else refused"),
    honoured("tools[].function.strict", "by Gemini, and where a tool must be called; else named"),
    refused("tools[].custom", "no provider here knows custom tools"),
    honoured("top_logprobs", "up to 20, with `logprobs`"),
    honoured("top_p", "by models that draw by it; else named"),
    no_effect("user", kind=str),
    no_effect("verbosity", "no provider here can be told", Literal["low", "medium", "high"], "medium"),
    refused("web_search_options", "nothing is searched", empty_asks=True),
)
EMBEDDING_FIELDS = (
    honoured("input", "a text, or up to 2048; tokens are refused, as they are another model's"),
    honoured("model", "a provider, a model or `provider/model`; no hint, as vectors of two models can't be compared"),
    honoured("dimensions", "by models that can; else refused"),
    honoured("encoding_format", "`float`, or `base64` of little-endian 32-bit floats"),
    no_effect("user", kind=str),
    ours("model_hint", "filters; also the header `X-Gateway-Hint`"),
    ours("cache", "as on `/api/v1/chat`"),
)
UNHONOURED = tuple(field for field in FIELDS if field.top_level and field.fate in (Fate.NO_EFFECT, Fate.REFUSED))
_REFUSED = tuple(field for field in UNHONOURED if field.fate is Fate.REFUSED)
_IDLE = tuple(field for field in UNHONOURED if field.fate is Fate.NO_EFFECT)
_UNHONOURED_OF = attrgetter(*(field.path for field in UNHONOURED))
_UNSTATED = (None,) * len(UNHONOURED)


def states_more(body: Struct) -> bool:
    """Whether a body states any top-level field that is not honoured."""
    return bool(_UNHONOURED_OF(body) != _UNSTATED)


def refusals(body: Struct) -> Iterator[Fault]:
    """A fault for each top-level field of a decoded body that asks for what is not given here."""
    for field in _REFUSED:
        if field.asks(getattr(body, field.path)):
            yield Fault(path=field.path, message=f"is not taken here{_except(field)}: {field.note}")


def without_effect(body: Struct) -> Iterator[str]:
    """The top-level fields by which a decoded body asks for something and nothing here takes notice of."""
    return (field.path for field in _IDLE if field.asks(getattr(body, field.path)))


def _except(field: Field) -> str:
    spelt = " or ".join(json.encode(value).decode() for value in field.neutral)
    return f", but for {spelt}" if spelt else ""
