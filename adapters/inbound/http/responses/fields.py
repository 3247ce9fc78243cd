"""Every field of a request for a response and what becomes of it: the tables that decoding, docs and tests follow."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from ..common.fields import FieldTable, honoured, no_effect, ours, refused, taken

STATELESS: Final = "nothing is stored here: send `store: false`, and the whole conversation with each request"
_CACHE: Final = "of OpenAI's own prompt cache"
_BACK: Final = "what an answer held, sent back"
_OURSELVES: Final = "no tool is run here: send functions of the client's own"
_OTHERS: Final = "of what is sent back: whatever else another tool keeps there"
_LATER: Final = "every tool is offered at once"


class ItemKind(Struct, frozen=True, kw_only=True):
    """A kind of item of `input`: the fields that it must have, and those that it may have."""

    needs: Sequence[str] = ()
    may_have: Sequence[str] = ()


ITEMS: Final[Mapping[str, ItemKind]] = {
    "message": ItemKind(needs=("role", "content")),
    "function_call": ItemKind(needs=("call_id", "name"), may_have=("arguments", "namespace")),
    "function_call_output": ItemKind(needs=("call_id", "output"), may_have=("name", "namespace")),
    "custom_tool_call": ItemKind(needs=("call_id", "name", "input"), may_have=("namespace",)),
    "custom_tool_call_output": ItemKind(needs=("call_id", "output"), may_have=("name", "namespace")),
    "reasoning": ItemKind(may_have=("summary", "content", "encrypted_content")),
    "additional_tools": ItemKind(needs=("tools",), may_have=("role",)),
}
"""The kinds that are honoured; any other is refused."""
CALLS: Final = ("function_call", "custom_tool_call")
LEFT_OUT_TOOLS: Final = (
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "tool_search",
)
"""Codex always sends some of these: the model does without."""
REFUSED_TOOLS: Final = (
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "programmatic_tool_calling",
    "shell",
)
ITEM_REFUSALS: Final[Mapping[str, str]] = {
    "item_reference": STATELESS,
    "compaction": STATELESS,
    "compaction_trigger": STATELESS,
}
"""Why, where it is not that no tool is run here."""

FIELDS: Final = (
    honoured("model", "a hint, a provider, a model or `provider/model`; `GET /v1/models` lists them"),
    honoured("input", "a text, or items"),
    honoured("input[].type: message", "roles `system`, `developer`, `user` and `assistant`; the type may be left out"),
    honoured("input[].content[].input_text"),
    honoured("input[].content[].output_text"),
    honoured("input[].content[].refusal", "as the text that it is"),
    honoured("input[].content[].input_image", "a `data:` URL, or a public `https:` URL, which the provider fetches"),
    honoured(
        "input[].content[].input_image.detail", "by Gemini from 3 on, and OpenAI, `original` as `high`; else named"
    ),
    refused("input[].content[].input_image.file_id", STATELESS),
    honoured("input[].content[].input_file", "a PDF as a `data:` URL, by Gemini and OpenAI"),
    no_effect("input[].content[].input_file.detail", "is passed on to no provider"),
    refused("input[].content[].input_file.file_id, file_url", "send the file itself as `file_data`"),
    no_effect("input[].content[].annotations", _BACK),
    no_effect("input[].content[].logprobs", _BACK),
    no_effect("input[].content[].prompt_cache_breakpoint", _CACHE),
    honoured("input[].type: function_call", "with its `namespace`"),
    honoured("input[].type: function_call_output", "a text, or a list of texts, images and PDFs"),
    honoured("input[].type: custom_tool_call"),
    honoured("input[].type: custom_tool_call_output", "as `function_call_output`"),
    honoured("input[].type: additional_tools", "as if they stood in `tools`"),
    honoured("input[].type: reasoning"),
    ours("input[].encrypted_content", "what an answer held, sent back: Gemini's thought signature; another's is named"),
    no_effect("input[].summary", "sent back; thoughts are passed on to no provider"),
    no_effect("input[].reasoning.content", "sent back; thoughts are passed on to no provider"),
    refused("input[].type: item_reference", STATELESS),
    refused("input[].type: compaction, compaction_trigger", STATELESS),
    refused("input[].type: any other", _OURSELVES),
    taken("input[].name, namespace, of an output", "its call has them"),
    taken("input[].id", "nothing is looked up by it"),
    taken("input[].phase", _BACK),
    taken("input[].status", _BACK),
    no_effect("input[].caller", "tools are called by the model itself", None, {"type": "direct"}),
    no_effect("input[].*", _OTHERS),
    no_effect("input[].content[].*", _OTHERS),
    no_effect("input[].output[].*", _OTHERS),
    honoured("instructions", "a system message before all others"),
    honoured("include", "`reasoning.encrypted_content`, without which an answer holds no signatures"),
    honoured("max_output_tokens", "bounds all generated tokens, thoughts included"),
    honoured("metadata", "echoed; nothing is stored"),
    honoured("parallel_tool_calls", "`false`: of several tool calls the answer holds the first"),
    honoured("reasoning.effort", "the nearest that the model has, then named; `max` as `xhigh`, and named"),
    honoured("reasoning.summary", "any: thoughts are shown"),
    honoured("reasoning.generate_summary", "the same under its older name"),
    no_effect("reasoning.context", "thoughts are passed on to no provider"),
    no_effect("reasoning.mode", "there is one: `standard`; others are refused", None, "standard"),
    honoured("reasoning"),
    honoured("stream"),
    no_effect("stream_options.include_obfuscation", "nothing is added to a stream"),
    honoured("stream_options", "without effect of its own"),
    honoured("temperature", "by models that draw by it; else named"),
    honoured("text.format", "`text`, `json_object` and `json_schema`, by providers that can; else refused"),
    no_effect("text.verbosity", "is passed on to no provider", None, "medium"),
    honoured("text"),
    honoured("tool_choice", "`none`, `auto`, `required`, a function or a custom tool"),
    refused("tool_choice.type: allowed_tools", "send the tools that are allowed"),
    refused("tool_choice.type: any other", _OURSELVES),
    honoured("tools", "by providers that can; else refused"),
    honoured("tools[].type: function"),
    honoured("tools[].strict", "by Gemini and OpenAI, and where a tool must be called; else named"),
    honoured("tools[].type: custom", "as a function of one text, `input`; its grammar is told in words"),
    honoured("tools[].type: namespace", "its tools by `namespace__name`"),
    no_effect("tools[].type: " + ", ".join(LEFT_OUT_TOOLS), "left out, and named: the model does without"),
    refused("tools[].type: " + ", ".join(REFUSED_TOOLS), _OURSELVES),
    no_effect("tools[].allowed_callers", "tools are called by the model itself", None, ["direct"]),
    no_effect("tools[].async", "the client says when it has a result"),
    no_effect("tools[].defer_loading", _LATER),
    no_effect("tools[].output_schema", "is passed on to no provider"),
    honoured("top_p", "by models that draw by it; else named"),
    ours("model_hint", "as on `/api/v1/chat`; also the header `X-Gateway-Hint`; `secure` wins"),
    ours("cache", "as on `/api/v1/chat`"),
    refused("access_programs", "no provider here has any"),
    refused("background", STATELESS),
    refused("background_options", STATELESS),
    no_effect("client_metadata", "nothing is stored", dict[str, Any]),
    refused("context_management", STATELESS),
    refused("conversation", STATELESS),
    refused("image", "no image is compressed here"),
    refused("max_tool_calls", _OURSELVES),
    refused("moderation", "nothing is moderated"),
    refused("previous_response_id", STATELESS),
    refused("prompt", STATELESS),
    no_effect("prompt_cache_key", _CACHE, str),
    no_effect("prompt_cache_options", _CACHE, dict[str, Any]),
    no_effect("prompt_cache_retention", _CACHE, str),
    no_effect("safety_identifier", kind=str),
    refused("service_tier", "there is one", "auto", "default"),
    refused("store", STATELESS),
    refused("top_logprobs", "send the request to `/v1/chat/completions`", 0),
    refused("truncation", "nothing is cut off here", "disabled"),
    no_effect("user", kind=str),
)
_COUNTED: Final = {
    *("input", "instructions", "model", "parallel_tool_calls", "reasoning", "text", "tool_choice", "tools"),
    *("model_hint", "conversation", "previous_response_id", "truncation"),
}
COUNT_FIELDS: Final = (
    *(field for field in FIELDS if field.path.partition(".")[0].partition("[")[0] in _COUNTED),
    no_effect("personality", "no provider here has any", str),
)
"""Of a body whose tokens are counted."""
TABLE: Final = FieldTable(FIELDS)
COUNT_TABLE: Final = FieldTable(COUNT_FIELDS)
