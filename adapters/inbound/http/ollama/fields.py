"""Every field of Ollama's requests and what becomes of it: the table that decoding, the docs and the tests follow."""

from ..common.fields import FieldTable, honoured, no_effect, refused

_LOADING = "models are loaded as the operator set it"
_SERVER = "of the server's own memory"
_UNSAMPLED = "no model here samples by it"
_BACK = "of an assistant's message: whatever else another tool keeps there"
IDLE_OPTIONS = (
    "num_ctx",
    "num_keep",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "use_mmap",
    "use_mlock",
    "numa",
)
"""Of the server's own memory and processors: taken without effect."""
REFUSED_OPTIONS = {"min_p": 0, "typical_p": 1, "repeat_penalty": 1, "repeat_last_n": 64, "mirostat": 0, "tfs_z": 1}
"""What no domain's sampling has, by the value that asks for nothing."""
SHARED = (
    honoured("model", "a hint, a provider, a model or `provider/model`; `:latest` may follow; `/api/tags` lists them"),
    honoured("stream", "true where it is not stated"),
    honoured("think", "`true` is `medium`; `false` asks for none; levels as they are, or the nearest"),
    honoured("format", '`"json"` or a JSON Schema, by providers that can; else refused'),
    honoured("options.temperature", "and `top_p`, `top_k`, `seed`, `stop`, `presence_penalty`, `frequency_penalty`"),
    honoured("options.num_predict", "bounds all generated tokens; below 0 is no bound"),
    no_effect("keep_alive", _LOADING, str | int | float),
    no_effect("truncate", "what does not fit is refused", bool, True),
    no_effect("shift", "what does not fit is refused", bool, True),
    *(no_effect(f"options.{name}", _SERVER) for name in IDLE_OPTIONS),
    *(refused(f"options.{name}", _UNSAMPLED, nothing) for name, nothing in REFUSED_OPTIONS.items()),
    refused("logprobs", "ask on `/v1/chat/completions`"),
    refused("top_logprobs", "ask on `/v1/chat/completions`", 0),
)
CHAT_FIELDS = (
    honoured("messages", "roles `system`, `user`, `assistant` and `tool`; none loads the model"),
    honoured("messages[].images", "base64, by models that see"),
    honoured("messages[].tool_calls", "answered by position where they have no `id`"),
    honoured("messages[].tool_name", "of a result: whose it is"),
    no_effect("messages[].thinking", "what an answer held, sent back; thoughts are passed on to no provider"),
    *(no_effect(f"{place}.*", _BACK) for place in ("messages[]", "messages[].tool_calls[]")),
    no_effect("messages[].tool_calls[].function.*", _BACK),
    honoured("tools", "by providers that can; else refused"),
    *SHARED,
)
PROMPT_FIELDS = (
    honoured("prompt", "an empty one loads the model"),
    honoured("system"),
    honoured("images", "base64, by models that see"),
    *SHARED,
    refused("suffix", "nothing is filled in"),
    refused("template", "a model's template is its own"),
    refused("raw", "a model's template is its own"),
    refused("context", "send the conversation to `/api/chat`"),
    *(refused(name, "no images are made") for name in ("width", "height", "steps")),
)
CHAT_TABLE = FieldTable(CHAT_FIELDS)
PROMPT_TABLE = FieldTable(PROMPT_FIELDS)
