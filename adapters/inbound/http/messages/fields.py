"""Every field of Anthropic's requests and what becomes of it: the tables that decoding, docs and tests follow."""

from typing import Any, Final, Literal

from msgspec import Struct

from ..common.fields import FieldTable, honoured, no_effect, ours, refused

_CACHE: Final = "of Anthropic's own prompt cache"
_BACK: Final = "what an answer held, sent back"
_STATE: Final = "nothing is stored here"
_TOOLS: Final = "no tool is run here: send the client's own, with `input_schema`"


class ClearThinking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An edit that clears earlier thoughts: none is sent to a provider anyway."""

    type: Literal["clear_thinking_20251015"]
    keep: Any = None


class ContextManagement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be left out of a conversation."""

    edits: list[ClearThinking] | None = None


FIELDS: Final = (
    honoured("model", "a hint, a provider, a model or `provider/model`; `GET /v1/models` lists them"),
    honoured("max_tokens", "bounds all generated tokens, thoughts included"),
    honoured("messages", "roles `user`, `assistant` and `system`, which stays in its place"),
    refused("messages[].clear_at", "a message is told until it is left out", "never"),
    refused("messages[].output_config", "of a system message: state it for the whole"),
    honoured("messages[].content[].text"),
    honoured("messages[].content[].image", "`base64`, or `url`: public `https:`, which the provider fetches"),
    refused("messages[].content[].image.source: file", _STATE),
    no_effect("messages[].content[].transformations", "are passed on to no provider"),
    honoured("messages[].content[].document", "a PDF in `base64`, by Gemini and OpenAI"),
    refused("messages[].content[].document.source: url, text, content, file", "send the bytes of a PDF, or text"),
    refused("messages[].content[].document.context", "send it as text"),
    no_effect("messages[].content[].citations", "no provider is asked to cite", None, {"enabled": False}),
    honoured("messages[].content[].tool_use"),
    no_effect("messages[].content[].caller", "tools are called by the model itself", None, {"type": "direct"}),
    no_effect("messages[].content[].toolset_name", "there are no toolsets"),
    honoured("messages[].content[].tool_result", "what else stands in its message is told with the last result"),
    honoured("messages[].content[].tool_result.content", "texts, images and PDFs; a `tool_reference` as its words"),
    honoured("messages[].content[].is_error"),
    no_effect("messages[].content[].content[].cache_control", _CACHE),
    no_effect("messages[].content[].content[].citations", "no provider is asked to cite", None, {"enabled": False}),
    no_effect("messages[].content[].content[].transformations", "are passed on to no provider"),
    no_effect("messages[].content[].thinking", "what an answer held, sent back; thoughts are passed on to no provider"),
    ours("messages[].content[].signature", "what an answer held, sent back: Gemini's thought signature"),
    ours("messages[].content[].data", "what an answer held, sent back: Gemini's thought signature"),
    refused("messages[].content[].search_result, container_upload, server_tool_use and their results", _TOOLS),
    no_effect("messages[].content[].cache_control", _CACHE),
    no_effect("messages[].content[].*", "of an assistant's message: whatever else another tool keeps there"),
    no_effect("messages[].*", "of an assistant's message: whatever else another tool keeps there"),
    honoured("system", "a text, or blocks of text"),
    no_effect("system[].cache_control", _CACHE),
    no_effect("system[].citations", "no provider is asked to cite"),
    honoured("stream"),
    honoured("stop_sequences", "up to 16; which of them came is not known: `stop_reason` is `end_turn`"),
    honoured("temperature", "0 to 1; by models that draw by it; else named"),
    honoured("top_p", "by models that draw by it; else named"),
    honoured("top_k", "by models that draw by it; else named"),
    honoured("tools", "by providers that can; else refused"),
    refused("tools[].type: web_search, web_fetch, code_execution, bash, text_editor, computer, memory, …", _TOOLS),
    honoured("tools[].strict", "by Gemini and OpenAI, and where a tool must be called; else named"),
    no_effect("tools[].cache_control", _CACHE),
    no_effect("tools[].defer_loading", "every tool is offered at once"),
    no_effect("tools[].eager_input_streaming", "arguments come as the provider sends them"),
    no_effect("tools[].input_examples", "are passed on to no provider"),
    no_effect("tools[].allowed_callers", "tools are called by the model itself", None, ["direct"]),
    honoured(
        "tool_choice", "`auto`, `any`, `tool` and `none`; `disable_parallel_tool_use`: the first of several calls"
    ),
    honoured("thinking", "as a reasoning effort, and whether thoughts are shown"),
    honoured("thinking.budget_tokens", "below 2,000 `low`, below 8,000 `medium`, else `high`"),
    honoured("thinking.display", "`omitted`: an empty `thinking` with its signature"),
    no_effect("thinking.block_binding", "no thought is sent to a provider"),
    honoured("output_config.effort", "the nearest that the model has, then named; `max` as `xhigh`"),
    honoured("output_config.format", "a JSON Schema, by providers that can; else refused"),
    no_effect("output_config.task_budget", "is passed on to no provider"),
    ours("model_hint", "as on `/api/v1/chat`; also the header `X-Gateway-Hint`; `secure` wins"),
    ours("cache", "as on `/api/v1/chat`"),
    no_effect("cache_control", _CACHE, dict[str, Any]),
    no_effect("metadata", _STATE, dict[str, Any]),
    no_effect("diagnostics", _CACHE, dict[str, Any]),
    no_effect("context_management", "thoughts that are sent back go to no provider anyway", ContextManagement),
    no_effect("service_tier", "there is one", Literal["auto", "standard_only"], "auto", "standard_only"),
    refused("speed", "there is one", "standard"),
    refused("inference_geo", "`model_hint` says where: `secure` stays on the premises"),
    refused("thread", f"{_STATE}: send the whole conversation"),
    refused("compaction", _STATE),
    refused("container", _TOOLS),
    refused("mcp_servers", _TOOLS),
    refused("fallbacks", "the operator's routes say what else may answer"),
    refused("fallback_credit_token", "nothing is billed here"),
    refused("billing_policy", "nothing is billed here"),
    refused("user_profile_id", _STATE),
    refused("workspace_id", "a key says whose request it is"),
)
_COUNTED: Final = {
    *("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "model_hint"),
    *("cache_control", "speed", "context_management", "compaction", "mcp_servers", "billing_policy"),
    *("user_profile_id", "workspace_id"),
}
COUNT_FIELDS: Final = tuple(field for field in FIELDS if field.path.partition(".")[0].partition("[")[0] in _COUNTED)
"""Of a body whose tokens are counted."""
TABLE: Final = FieldTable(FIELDS)
COUNT_TABLE: Final = FieldTable(COUNT_FIELDS)
