"""What a real Ollama refuses, cuts and leaves out of a request, by its version; from the vendor's source and documents.

Written apart from the adapter, which is held to it. A token is a word here.
"""

from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any, Final, TypeAlias

from msgspec import Struct

from .wire import CHAT, EMBED, OPTIONS, SINCE, dropped, mistyped

Version: TypeAlias = tuple[int, ...]

NEW_RUNNER: Final = (0, 30)
"""From here on llama.cpp's own server runs every model."""
OWN_WORDS: Final = (0, 30, 9)
MAX_LEVEL: Final = (0, 21, 3)
CLOUD_BY_NAME: Final = (0, 17, 6)
REMOTE: Final = "https://ollama.com:443"
CLOUD_CAPABILITIES: Final = ("completion", "tools", "thinking")

TOO_LONG_FOR_OLD: Final = "the input length exceeds the context length"
TOO_LONG_WITHOUT_SHIFT: Final = "the prompt is longer than the context length currently available to the model"
QUEUE_FULL: Final = "server busy, please try again.  maximum pending requests exceeded"


class Verdict(Struct, frozen=True, kw_only=True):
    """`status` and `error` are a refusal's. `dropped` and `cut` are the paths of what the model never sees."""

    status: int = 200
    error: str = ""
    signin_url: str | None = None
    dropped: frozenset[str] = frozenset()
    cut: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, str]:
        return {"error": self.error} | ({"signin_url": self.signin_url} if self.signin_url else {})


def refused(status: int, error: str, signin_url: str | None = None) -> Verdict:
    return Verdict(status=status, error=error, signin_url=signin_url)


def version_of(text: str) -> Version:
    return tuple(int(part) for part in text.partition("-")[0].split("."))


def chat(version: Version, body: Mapping[str, Any], capabilities: Sequence[str], context: int) -> Verdict:
    """For a model that the server has and runs itself."""
    refusal = _malformed(version, body) or _incapable(body, capabilities) or _mistaken_options(body)
    if refusal is not None:
        return refusal
    left_out = {path for path in dropped(body, CHAT) if path} | _too_young(version, body)
    for index, message in enumerate(body["messages"]):
        if message.get("images") and "vision" not in capabilities:
            if version >= NEW_RUNNER:
                return refused(500, "image input is not supported - hint: if this is unexpected, you may need mmproj")
            left_out.add(f"messages[{index}].images")
    return _fitted(version, body, context, frozenset(left_out))


def _malformed(version: Version, body: Mapping[str, Any]) -> Verdict | None:
    if (words := mistyped(body)) is not None:
        return refused(400, words)
    think = body.get("think")
    levels = ("low", "medium", "high", *(("max",) if version >= MAX_LEVEL else ()))
    if think is not None and not isinstance(think, bool) and think not in levels:
        return refused(400, f'invalid think value: "{think}" (must be "high", "medium", "low", true, or false)')
    if not 0 <= body.get("top_logprobs", 0) <= 20:
        return refused(400, "top_logprobs must be between 0 and 20")
    form = body.get("format")
    if form not in (None, "", "json") and not isinstance(form, dict):
        return refused(500, f'invalid format: "{form}"; expected "json" or a valid JSON Schema object')
    return None


def _incapable(body: Mapping[str, Any], capabilities: Sequence[str]) -> Verdict | None:
    model = body["model"]
    if "completion" not in capabilities:
        return refused(400, f'"{model}" does not support chat')
    if body.get("tools") and "tools" not in capabilities:
        return refused(400, f"registry.ollama.ai/library/{model} does not support tools")
    if body.get("think") and "thinking" not in capabilities:
        return refused(400, f'"{model}" does not support thinking')
    return None


def _mistaken_options(body: Mapping[str, Any]) -> Verdict | None:
    for name, value in (body.get("options") or {}).items():
        kinds = OPTIONS.get(name)
        if kinds is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            return refused(500, f'option "{name}" must be of type {kinds[0].__name__}')
    return None


def _too_young(version: Version, body: Mapping[str, Any]) -> set[str]:
    return {field for field, since in SINCE.items() if field in body and version < since}


def thinks(body: Mapping[str, Any], capabilities: Sequence[str], family: str) -> bool | str:
    """How the model thinks: on where nothing is said, and gpt-oss always."""
    if "thinking" not in capabilities:
        return False
    think = body.get("think", True)
    if family in ("gptoss", "gpt-oss"):
        return think if isinstance(think, str) else "medium"
    return bool(think)


def words(text: str) -> int:
    return len(text.split())


def _fitted(version: Version, body: Mapping[str, Any], context: int, left_out: frozenset[str]) -> Verdict:
    """Whether the prompt fits: refused where the request says so, else cut as the vendor does it."""
    said = [words(message.get("content") or "") for message in body["messages"]]
    if sum(said) < context:
        return Verdict(dropped=left_out)
    if body.get("truncate", True) is False and "truncate" not in left_out:
        return refused(400, _too_long(sum(said), context) if version >= NEW_RUNNER else TOO_LONG_FOR_OLD)
    if body.get("shift", True) is False and version >= OWN_WORDS:
        return refused(400, TOO_LONG_WITHOUT_SHIFT)
    cut = []
    for index, message in enumerate(body["messages"][:-1]):
        if sum(said) >= context and message["role"] != "system":
            cut.append(f"messages[{index}]")
            said[index] = 0
    if sum(said) >= context:
        cut.append(f"messages[{len(said) - 1}].content")
    return Verdict(dropped=left_out, cut=tuple(cut))


def _too_long(tokens: int, context: int) -> str:
    """The runner's own JSON, as text."""
    message = f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    told = {"code": 400, "message": message, "type": "exceed_context_size_error"}
    return dumps({"error": told | {"n_prompt_tokens": tokens, "n_ctx": context}})


def embed(body: Mapping[str, Any], capabilities: Sequence[str], context: int) -> Verdict:
    texts = body["input"] if isinstance(body.get("input"), list) else [body.get("input")]
    if not all(isinstance(text, str) for text in texts):
        return refused(400, "invalid input type")
    if "embedding" not in capabilities:
        return refused(400, f'"{body["model"]}" does not support embeddings')
    over = [index for index, text in enumerate(texts) if words(text) > context]
    if over and body.get("truncate", True) is False:
        return refused(400, TOO_LONG_FOR_OLD)
    return Verdict(dropped=frozenset(dropped(body, EMBED)), cut=tuple(f"input[{index}]" for index in over))


def plain(name: str) -> str:
    """As names are compared: in any case, without the registry, its own namespace and the tag that are meant."""
    path, slash, model = name.strip().lower().partition("@")[0].rpartition("/")
    model, _, tag = model.partition(":")
    parts = [*path.split("/"), model] if slash else [model]
    for meant in ("registry.ollama.ai", "library"):
        if len(parts) == (3 if meant == "registry.ollama.ai" else 2) and parts[0] == meant:
            parts = parts[1:]
    return f"{'/'.join(parts)}:{tag or 'latest'}"


def of_the_cloud(version: Version, name: str) -> bool:
    """Answered by ollama.com without a pull, and in no list."""
    tag = name.rpartition(":")[2].strip().lower()
    return version >= CLOUD_BY_NAME and (tag == "cloud" or (tag.endswith("-cloud") and "/" not in tag))


CLOUD: Final[Mapping[str, Verdict]] = {
    "unsigned": refused(401, "unauthorized", "https://ollama.com/connect?name=box&key=c3No"),
    "off": refused(403, "ollama cloud is disabled: remote model is unavailable"),
    "away": refused(502, "remote model is unavailable"),
    "limited": refused(429, "too many requests"),
}
"""By how the server stands with the vendor's cloud, where it can't be asked."""
