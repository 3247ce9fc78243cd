"""Servers of OpenAI's API on loopback, one for each dialect: each refuses what the real one refuses, and tells the test
what the real one would take without noticing it. Else it does what a test says.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from typing_extensions import override

from .. import scripted_vendor
from ..scripted_vendor import LAST, Asked, Script, ScriptedVendor, Step, head, whole

SSE: Final = {"Content-Type": "text/event-stream"}
HEAD: Final = head(headers=SSE)
COUNTS: Final = {"prompt_tokens": 26, "completion_tokens": 8, "total_tokens": 34}
DONE: Final = b"data: [DONE]\n\n"

_BASE: Final = {"model", "messages", "stream", "temperature", "top_p", "stop", "tools", "max_tokens"}
_SAMPLED: Final = {"seed", "presence_penalty", "frequency_penalty"}
_LOGPROBS: Final = {"logprobs", "top_logprobs"}
TAKEN: Final[Mapping[str, set[str]]] = {
    "generic": _BASE | {"response_format"},
    "openai": (_BASE - {"max_tokens"})
    | {"max_completion_tokens", "tool_choice", "response_format", "stream_options", "reasoning_effort"}
    | _SAMPLED
    | _LOGPROBS,
    "vllm": _BASE
    | {"tool_choice", "response_format", "stream_options", "reasoning_effort", "top_k", "chat_template_kwargs"}
    | {"continue_final_message", "add_generation_prompt"}
    | _SAMPLED
    | _LOGPROBS,
    "llamacpp": _BASE
    | {"tool_choice", "response_format", "stream_options", "top_k", "chat_template_kwargs"}
    | _SAMPLED
    | _LOGPROBS,
    "lmstudio": _BASE | {"tool_choice", "response_format", "stream_options", "top_k", "reasoning_effort"} | _SAMPLED,
    "groq": (_BASE - {"max_tokens"})
    | {"max_completion_tokens", "seed", "tool_choice", "response_format", "reasoning_effort", "reasoning_format"},
    "mistral": _BASE
    | {"random_seed", "presence_penalty", "frequency_penalty", "tool_choice", "response_format", "reasoning_effort"},
    "deepseek": _BASE | {"tool_choice", "response_format", "stream_options", "reasoning_effort", "thinking"},
    "openrouter": _BASE
    | {"tool_choice", "response_format", "stream_options", "reasoning", "provider", "top_k"}
    | _SAMPLED
    | _LOGPROBS,
}
"""The fields that a server of each dialect reads."""
IGNORES: Final = {"vllm", "llamacpp", "lmstudio", "deepseek", "openrouter"}
"""Servers that pass over a field that they don't know; the others answer 400 or 422."""
LATE_SYSTEM: Final = {"openai", "groq", "mistral", "deepseek", "openrouter"}
NAMED: Final = {"openai", "vllm", "groq", "mistral", "openrouter"}
JSON_TYPES: Final[Mapping[str, set[str]]] = {
    **{dialect: {"json_object", "json_schema"} for dialect in TAKEN},
    "generic": {"json_object"},
    "deepseek": {"json_object"},
    "lmstudio": {"json_schema"},
}
WITH_TOOLS: Final = {"openai", "openrouter"}
"""Servers that take a form of the answer beside tools."""


def event(*choices: Mapping[str, Any], **more: object) -> bytes:
    said = {"id": "c-1", "object": "chat.completion.chunk", "model": "able-1", "choices": list(choices), **more}
    return b"data: %b\n\n" % json.dumps(said).encode()


def delta(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    said = more if content is None else {"content": content, **more}
    return event({"index": 0, "delta": said, "finish_reason": finish})


def counted(**more: object) -> bytes:
    return event(usage={**COUNTS, **more})


def stream(*events: bytes, then: Sequence[Step] = (LAST,)) -> Script:
    return (HEAD + b"".join(scripted_vendor.chunk(one) for one in events), *then)


def answer(*words: str) -> Script:
    return stream(delta("", role="assistant"), *(delta(word) for word in words), delta(finish="stop"), counted(), DONE)


def message(content: object = "Hello there", finish: str | None = "stop", **more: object) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return {"object": "chat.completion", "model": "able-1", "choices": [choice], "usage": COUNTS}


def called(name: str = "add", arguments: str = '{"n":1}', id: str = "call_1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def hello(asked: Asked) -> Script:
    """Whole or streamed, a call where one must be made."""
    body = asked.body
    forced = body.get("tool_choice") in ("required", "any") or isinstance(body.get("tool_choice"), dict)
    if not body.get("stream"):
        return whole(message(None, "tool_calls", tool_calls=[called()]) if forced else message())
    if forced:
        return stream(delta(tool_calls=[{"index": 0, **called()}]), delta(finish="tool_calls"), counted(), DONE)
    return answer("Hello", " there")


def vectors(asked: Asked) -> Script:
    """Out of order, as nothing promises one."""
    length = asked.body.get("dimensions", 3)
    made = [
        {"object": "embedding", "index": index, "embedding": [float(len(text)), float(ord(text[0])), 1.0][:length]}
        for index, text in enumerate(asked.body["input"])
    ]
    return whole({"object": "list", "model": "embed-1", "data": made[::-1], "usage": {"prompt_tokens": 5}})


class SpokenServer(ScriptedVendor):
    """`scripts` answer the chats, `embedding` the embeddings. `models` are its list, None where it has none.

    `ignored` are fields of the chats that it took and that the real one would not read.
    """

    def __init__(self, dialect: str = "generic") -> None:
        super().__init__(hello)
        self.dialect = dialect
        self.models: Sequence[Mapping[str, object]] | None = [{"id": "able", "object": "model"}]
        self.embedding: Script | Callable[[Asked], Script] = vectors
        self.ignored: set[str] = set()
        self.key: str | None = None
        self.props: Script = whole({"total_slots": 4})

    def chats(self) -> Sequence[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/chat/completions")]

    @override
    async def answer_to(self, asked: Asked, reader: object) -> Script:
        if self.key is not None and asked.headers.get("authorization") != f"Bearer {self.key}":
            return whole({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401)
        match asked.method, asked.path:
            case "GET", "/v1/models":
                return whole({"detail": "Not Found"}, 404) if self.models is None else whole({"data": self.models})
            case "GET", "/props" if self.dialect == "llamacpp":
                return self.props
            case "POST", "/v1/embeddings":
                return self.embedding(asked) if callable(self.embedding) else self.embedding
            case "POST", "/v1/chat/completions":
                refused = next(faults(self.dialect, asked.body), None)
                if refused is not None:
                    return refusal(self.dialect, refused)
                self.ignored |= asked.body.keys() - TAKEN[self.dialect]
                return self.scripted(asked)
        return whole({"error": "no such path"}, 404)


def spoken_server(dialect: str = "generic", port: int = 0) -> AbstractAsyncContextManager[SpokenServer]:
    return SpokenServer(dialect).running(port)


def refusal(dialect: str, words: str) -> Script:
    if dialect == "mistral":
        return whole({"detail": [{"type": "invalid", "loc": ["body"], "msg": words}]}, 422)
    return whole({"error": {"message": words, "type": "invalid_request_error"}}, 400)


def faults(dialect: str, body: Mapping[str, Any]) -> Iterator[str]:
    """What the real server would refuse of a chat, in its words."""
    if dialect not in IGNORES:
        yield from (f"Unrecognized request argument: {field}" for field in body.keys() - TAKEN[dialect])
    if dialect == "openai" and re.match(r"gpt-5(?!.*chat)|o\d", body["model"]):
        yield from (
            f"Unsupported parameter: '{field}'" for field in ("temperature", "top_p", "logprobs") if field in body
        )
    if dialect == "deepseek" and "max_completion_tokens" in body:
        yield "it would be ignored"
    kind = body.get("response_format", {}).get("type")
    if kind is not None and kind not in JSON_TYPES[dialect]:
        yield "This response_format type is unavailable now"
    if kind is not None and body.get("tools") and dialect not in WITH_TOOLS:
        yield "json mode cannot be combined with tool/function calling"
    yield from _of_choice(dialect, body)
    yield from _of_messages(dialect, body["messages"])
    if body["messages"][-1]["role"] == "assistant" and not (dialect == "vllm" and body.get("continue_final_message")):
        yield "the last message must not be the assistant's"


def _of_choice(dialect: str, body: Mapping[str, Any]) -> Iterator[str]:
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and dialect not in NAMED:
        yield "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
    if isinstance(choice, str) and choice == "required" and dialect == "mistral":
        yield "tool_choice: unknown value"
    if isinstance(choice, str) and choice == "any" and dialect != "mistral":
        yield "tool_choice: unknown value"
    if choice is not None and dialect in ("deepseek", "generic"):
        yield "deepseek-reasoner does not support this tool_choice"
    for tool in body.get("tools", ()):
        if "strict" in tool["function"] and dialect != "openai":
            yield "Unrecognized request argument: strict"


def _of_messages(dialect: str, messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    open_calls: set[str] = set()
    for index, one in enumerate(messages):
        role, content = one["role"], one.get("content")
        if role == "system" and index and (dialect not in LATE_SYSTEM or messages[index - 1]["role"] == "system"):
            yield "System message must be at the beginning."
        if role not in ("system", "user", "assistant", "tool"):
            yield f"unknown role {role}"
        if content is None and not (role == "assistant" and one.get("tool_calls") and dialect != "mistral"):
            yield "content must not be null"
        if role != "user" and isinstance(content, list):
            yield "only a user's message may hold parts"
        calls = one.get("tool_calls", ())
        yield from _of_calls(dialect, one, calls)
        if role == "tool":
            if one["tool_call_id"] not in open_calls:
                yield "tool message without its call"
            open_calls.discard(one["tool_call_id"])
        elif open_calls:
            yield "An assistant message with 'tool_calls' must be followed by tool messages"
        open_calls |= {call["id"] for call in calls}


def _of_calls(dialect: str, one: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if dialect == "mistral" and not all(re.fullmatch(r"[A-Za-z0-9]{9}", call["id"]) for call in calls):
        yield "Tool call id was invalid: must be a-z, A-Z, 0-9, with a length of 9"
    if dialect == "deepseek" and calls and "reasoning_content" not in one:
        yield "The reasoning_content in the thinking mode must be passed back to the API."
    known = {"role", "content", "tool_calls", "tool_call_id"}
    known |= {"deepseek": {"reasoning_content"}, "openrouter": {"reasoning_details"}}.get(dialect, set())
    yield from (f"Unrecognized request argument: {field}" for field in one.keys() - known)
