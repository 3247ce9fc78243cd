"""Every field of OpenAI's requests and what becomes of it: the tables that decoding, the docs and the tests follow."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, json

from llm_gateway.domain.errors import Fault


class Fate(StrEnum):
    """What becomes of a field of OpenAI's. `LEFT_OUT`: it is taken, and not sent to providers. At top level that and
    `NO_EFFECT` are named in `X-Gateway-Ignored`.
    """

    HONOURED = "honoured"
    NO_EFFECT = "no effect"
    LEFT_OUT = "left out"
    REFUSED = "refused"
    OURS = "honoured, and not OpenAI's"


class Field(Struct, frozen=True, kw_only=True):
    """A field by its path, `[]` for any element. One below another is listed where it fares otherwise.

    `neutral` are the values of a refused field that ask for nothing, beside null. `kind` is the type of a top-level
    field without effect.
    """

    path: str
    fate: Fate
    note: str = ""
    neutral: tuple[object, ...] = ()
    kind: Any = None

    @property
    def top_level(self) -> bool:
        return "." not in self.path and "[" not in self.path

    @property
    def type(self) -> Any:
        """What decoding takes where the field is not honoured."""
        if self.fate is Fate.NO_EFFECT:
            return self.kind | None
        return Annotated[Any, Meta(extra_json_schema={"enum": [None, *self.neutral]})]


def _honoured(path: str, note: str = "") -> Field:
    return Field(path=path, fate=Fate.HONOURED, note=note)


def _no_effect(path: str, kind: Any, note: str = "") -> Field:
    return Field(path=path, fate=Fate.NO_EFFECT, kind=kind, note=note)


def _label(path: str) -> Field:
    return Field(path=path, fate=Fate.LEFT_OUT, note="a label that no provider here has a place for")


def _refused(path: str, note: str, *neutral: object) -> Field:
    return Field(path=path, fate=Fate.REFUSED, note=note, neutral=neutral)


def _ours(path: str, note: str) -> Field:
    return Field(path=path, fate=Fate.OURS, note=note)


FIELDS = (
    _honoured("messages", "roles `system`, `developer`, `user`, `assistant` and `tool`"),
    _label("messages[].name"),
    _refused("messages[].role: function", "deprecated: `tool` takes its place"),
    _honoured("messages[].content[].text"),
    _honoured("messages[].content[].image_url", "a `data:` URL, or a public `https:` URL, which the provider fetches"),
    _honoured("messages[].content[].image_url.detail", "by Gemini from 3 on; else named"),
    _honoured("messages[].content[].file", "a PDF as a `data:` URL, by Gemini"),
    _refused("messages[].content[].file.file_id", "nothing is stored"),
    _refused(
        "messages[].content[].input_audio",
        "only text, images and PDFs are passed on, though Gemini could hear it (November 2026)",
    ),
    _refused("messages[].content[].refusal", "no provider here gives one"),
    _no_effect("messages[].content[].prompt_cache_breakpoint", dict[str, Any], "of OpenAI's own prompt cache"),
    _refused("messages[].refusal", "no provider here gives one"),
    _refused("messages[].audio", "no provider here speaks"),
    _refused("messages[].function_call", "deprecated: `tool_calls` takes its place"),
    _honoured("messages[].tool_calls"),
    _refused("messages[].tool_calls[].custom", "no provider here knows custom tools"),
    _no_effect("messages[].annotations", list[Any], "what an answer held, sent back"),
    _no_effect("messages[].reasoning_content", str, "what an answer held, sent back; no provider takes thoughts"),
    _no_effect("messages[].tool_calls[].index", int, "what a stream's delta held, sent back"),
    _no_effect("messages[].tool_calls[].function.parsed_arguments", Any, "what OpenAI's client made of it, sent back"),
    _no_effect("messages[].parsed", Any, "what OpenAI's client made of it, sent back"),
    _ours("messages[].extra_content", "what an answer held, sent back: Gemini's thought signature"),
    _ours("messages[].tool_calls[].extra_content", "what a tool call held, sent back: Gemini's thought signature"),
    _honoured("model", "a hint, a provider, a model or `provider/model`; `GET /v1/models` lists them"),
    _ours("model_hint", "as on `/api/v1/chat`; also the header `X-Gateway-Hint`; `secure` wins"),
    _ours("cache", "as on `/api/v1/chat`"),
    _ours("top_k", "how many of the likeliest tokens the next is drawn from; by models that draw by it; else named"),
    _refused("audio", "no chat of a provider here answers in speech (November 2026)"),
    _honoured("frequency_penalty", "by providers that can; else refused"),
    _refused("function_call", "deprecated: use `tool_choice`", "none", "auto"),
    _refused("functions", "deprecated: use `tools`", []),
    _refused("logit_bias", "token ids differ from model to model", {}),
    _honoured("logprobs", "of the content's tokens; by Ollama from 0.12.11 on, named by an older; else refused"),
    _honoured("max_completion_tokens", "bounds all generated tokens, thoughts included"),
    _honoured("max_tokens", "the same under its older name; both must not differ"),
    _no_effect("metadata", dict[str, str], "nothing is stored"),
    _refused("modalities", "answers are text", ["text"]),
    _refused("moderation", "nothing is moderated"),
    _refused("n", "one choice an answer: Gemini from 3 on and Ollama make no more (November 2026)", 1),
    _honoured("parallel_tool_calls", "`false`: of several tool calls the answer holds the first"),
    _no_effect("prediction", dict[str, Any], "it can only make an answer faster"),
    _honoured("presence_penalty", "by providers that can; else refused"),
    _no_effect("prompt_cache_key", str, "of OpenAI's own prompt cache"),
    _no_effect("prompt_cache_options", dict[str, Any], "of OpenAI's own prompt cache"),
    _no_effect("prompt_cache_retention", str, "of OpenAI's own prompt cache"),
    _honoured(
        "reasoning_effort",
        "`none` to `xhigh`, by models that can; else refused, but for `none`, which then asks for the least",
    ),
    _honoured("response_format", "`text`, `json_object` and `json_schema`, by providers that can; else refused"),
    _label("response_format.json_schema.name"),
    _honoured("response_format.json_schema.description", "within the schema, by Gemini; others have no place for it"),
    _honoured("response_format.json_schema.strict", "every schema binds"),
    _no_effect("safety_identifier", str),
    _honoured("seed", "by providers that can; else refused"),
    _refused("service_tier", "there is one", "auto", "default"),
    _honoured("stop", "up to 16"),
    _refused("store", "nothing is stored", False),
    _honoured("stream"),
    _honoured("stream_options.include_usage"),
    _no_effect("stream_options.include_obfuscation", bool, "nothing is added to a stream"),
    _honoured("stream_options", "without `stream` it has no effect"),
    _honoured("temperature", "by models that draw by it; else named"),
    _honoured("tool_choice", "`none`, `auto`, `required` and a named function"),
    _refused("tool_choice.allowed_tools", "send the tools that are allowed"),
    _refused("tool_choice.custom", "no provider here knows custom tools"),
    _honoured("tools", "by providers that can; else refused"),
    _honoured("tools[].function.strict", "by Gemini, and where a tool must be called; else named"),
    _refused("tools[].custom", "no provider here knows custom tools"),
    _honoured("top_logprobs", "up to 20, with `logprobs`"),
    _honoured("top_p", "by models that draw by it; else named"),
    _no_effect("user", str),
    _refused("verbosity", "no provider here can be told", "medium"),
    _refused("web_search_options", "nothing is searched"),
)
EMBEDDING_FIELDS = (
    _honoured("input", "a text, or up to 2048; tokens are refused, as they are another model's"),
    _honoured("model", "a provider, a model or `provider/model`; no hint, as vectors of two models can't be compared"),
    _honoured("dimensions", "by models that can; else refused"),
    _honoured("encoding_format", "`float`, or `base64` of little-endian 32-bit floats"),
    _no_effect("user", str),
    _ours("model_hint", "filters; also the header `X-Gateway-Hint`"),
    _ours("cache", "as on `/api/v1/chat`"),
)
UNHONOURED = tuple(field for field in FIELDS if field.top_level and field.fate in (Fate.NO_EFFECT, Fate.REFUSED))
_REFUSED = tuple(field for field in UNHONOURED if field.fate is Fate.REFUSED)
_IDLE = tuple(field.path for field in UNHONOURED if field.fate is Fate.NO_EFFECT)


def refusals(body: Struct) -> Iterator[Fault]:
    """A fault for each top-level field of a decoded body that asks for what is not given here."""
    for field in _REFUSED:
        value = getattr(body, field.path)
        if value is not None and not any(_same(value, neutral) for neutral in field.neutral):
            yield Fault(path=field.path, message=f"is not taken here: {field.note}{_except(field)}")


def without_effect(body: Struct) -> Iterator[str]:
    """The top-level fields that a decoded body states and nothing here takes notice of."""
    return (path for path in _IDLE if getattr(body, path) is not None)


def _same(value: object, neutral: object) -> bool:
    """JSON's true is not its 1."""
    return type(value) is type(neutral) and value == neutral


def _except(field: Field) -> str:
    spelt = " or ".join(json.encode(value).decode() for value in field.neutral)
    return f" (may be {spelt})" if spelt else ""


def table(fields: Iterable[Field]) -> str:
    """A table as Markdown."""
    lines = ["| field | what becomes of it | |", "|---|---|---|"]
    for field in fields:
        fate = field.fate.value
        if field.neutral:
            fate += ", but for " + ", ".join(f"`{json.encode(value).decode()}`" for value in field.neutral)
        lines.append(f"| `{field.path}` | {fate} | {field.note} |")
    return "\n".join(lines) + "\n"
