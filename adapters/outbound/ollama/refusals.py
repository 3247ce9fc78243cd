"""Ollama's refusals and failures as data: by status, and by fragments of the texts of its versions 0.12 to 0.33.

Sources: the server's own source, and reports of what its runners say. The first row that fits counts.
"""

from typing import Final

from msgspec import MsgspecError, Struct, json

from llm_gateway.application.vendor_signs import ANY, Sign, Told, told
from llm_gateway.domain.errors import FailureReason as R

MODEL: Final = "MODEL"
"""Stands for the model's name in what is said."""
_BAD: Final = (400, 500)
_TOO_LONG: Final = "the prompt does not fit the model's context"
_NO_MEMORY: Final = "the machine has not the memory to load the model"
_LOST: Final = "the process that runs the model ended"
_SCHEMA: Final = "the server can't digest this JSON Schema"


def _long(*words: str, code: str | None = None) -> Sign:
    return Sign(reason=R.CONTEXT_LENGTH, says=_TOO_LONG, words=words, code=code, statuses=_BAD)


def _field(says: str, *paths: str, words: tuple[str, ...]) -> Sign:
    return Sign(reason=R.STATED_FIELD, says=says, words=words, statuses=(*_BAD, 501), paths=paths)


def _failed(reason: R, says: str, *words: str) -> Sign:
    return Sign(reason=reason, says=says, words=words, statuses=(500, 502, 503))


def _ours(what: str, *words: str) -> Sign:
    return Sign(
        reason=R.ADDED_FIELD,
        says=f"the server refuses what this gateway adds to a request by itself: {what}",
        words=words,
        statuses=_BAD,
    )


SIGNS: Final[tuple[Sign, ...]] = (
    _long(code="exceed_context_size_error"),
    _long("exceeds the available context size"),
    _long("longer than the context length"),
    _long("exceeds the context length"),
    _long("exceeds maximum context length"),
    _long("exceeds the model's maximum context length"),
    _long("input after truncation exceeds"),
    Sign(
        reason=R.QUEUE_FULL,
        says="the server's queue is full",
        words=("maximum pending requests exceeded",),
        statuses=(503,),
    ),
    _failed(R.OUT_OF_MEMORY, _NO_MEMORY, "requires more system memory"),
    _failed(R.OUT_OF_MEMORY, _NO_MEMORY, "out-of-memory"),
    _failed(R.OUT_OF_MEMORY, _NO_MEMORY, "out of memory"),
    _failed(R.OUT_OF_MEMORY, _NO_MEMORY, "cudamalloc failed"),
    _failed(R.RUNNER_LOST, _LOST, "runner has unexpectedly stopped"),
    _failed(R.RUNNER_LOST, _LOST, "llama-server process has terminated"),
    _failed(R.LOAD_STALLED, "the model did not load in the server's own time", "timed out waiting for llama"),
    _field("the model calls no tools", "tools", words=("does not support tools",)),
    _field("the model does not think that way", "reasoning_effort", words=("does not support thinking",)),
    _field("the model does not think that way", "reasoning_effort", words=("invalid think value",)),
    _field("the model is for another task", "model", words=("does not support chat",)),
    _field("the model is for another task", "model", words=("does not support generate",)),
    _field("the model is for another task", "model", words=("does not support embedding",)),
    _field("the model sees no images", "messages[].content", words=("image input is not supported",)),
    _field("the model sees one image at most", "messages[].content", words=("only supports one image",)),
    _field(_SCHEMA, "response_format", "tools", words=("json schema",)),
    _field(_SCHEMA, "response_format", "tools", words=("grammar",)),
    _field(_SCHEMA, "response_format", words=("invalid format",)),
    _field(_SCHEMA, "response_format", words=("vocabulary required for format",)),
    _ours("an option", "option", "must be of type"),
    _ours("no model", "model is required"),
    _ours("nothing", "missing request body"),
    Sign(reason=R.UNKNOWN_MODEL, says="the server takes this for no model's name", words=("invalid model name",)),
    _failed(R.UNUSABLE, "the model's tool call can't be read", "invalid tool call arguments"),
    _failed(R.UNUSABLE, "the model's tool call can't be read", "error parsing tool call"),
    Sign(
        reason=R.LOCATION,
        says="the server may not ask Ollama's cloud",
        words=("cloud is disabled",),
        statuses=(403,),
    ),
    Sign(reason=R.CREDENTIALS, says="the server refuses access", statuses=(401, 403)),
    Sign(reason=R.BILLING, says="the account has no credit", statuses=(402,)),
    Sign(reason=R.UNKNOWN_MODEL, says=f"the model is not pulled: run `ollama pull {MODEL}`", statuses=(404,)),
    Sign(reason=R.TIMEOUT, says="no answer in time", statuses=(408, 504)),
    Sign(reason=R.GONE, says="what was asked for is gone there", statuses=(410,)),
    Sign(reason=R.RATE, says="the server asks to wait", statuses=(429,)),
    Sign(reason=R.CANCELLED, says="the request was cancelled there", statuses=(499,)),
    Sign(reason=R.SERVER, says="the server failed", statuses=range(500, 600)),
    Sign(reason=R.REQUEST, says="the server refuses the request", statuses=ANY),
)
UNKNOWN_SCHEMA: Final = Sign(
    reason=R.STATED_FIELD,
    says="the server refuses the request or failed, as it does for a JSON Schema that it can't digest",
    paths=("response_format", "tools"),
)
"""What a request with a JSON Schema is most likely refused for, and for what older servers fail with 500."""
TOO_LONG: Final = Sign(reason=R.CONTEXT_LENGTH, says="a text does not fit the model's context")
"""The one thing that is left for a refused embedding, whose model and dimensions were looked at before."""


class ReportedError(Exception):
    """The server reports an error inside an answer. Its text is not kept: it may quote the prompt."""

    def __init__(self, what: Told | None) -> None:
        super().__init__("an error inside an answer")
        self.what = what


class _Problem(Struct):
    error: str


class _RunnersError(Struct):
    type: str


class _RunnersProblem(Struct):
    error: _RunnersError


def told_by(status: int, body: bytes) -> Told | None:
    """What a refusal's body tells. The text of its `error` may be what the server's runner answered, as JSON (ollama's
    llm/llama_server.go); a proxy's body is no such object, and tells nothing beside its status.
    """
    try:
        said = json.decode(body, type=_Problem).error
    except (MsgspecError, UnicodeError, RecursionError):
        said = ""
    return told(SIGNS, status, said, _codes(said))


def told_within(said: str) -> Told | None:
    """What an error inside an answer tells, which has no status."""
    return told(SIGNS, None, said, _codes(said))


def _codes(said: str) -> frozenset[str]:
    try:
        return frozenset((json.decode(said, type=_RunnersProblem).error.type,))
    except (MsgspecError, UnicodeError, RecursionError):
        return frozenset()
