"""Gemini's refusals and failures as data: by status and structured code, else by known fragments of their text.

Sources: Google's error reference, and reports of the texts as they were seen until 22 November 2026. The first row that
fits counts. A row may take an endpoint out only where its status does not come with a text that quotes a prompt.
"""

from typing import Final

from llm_gateway.application.vendor_signs import ANY, Sign
from llm_gateway.domain.errors import FailureReason as R

PER_DAY: Final = "PER_DAY"
"""Stands for any quota by the day among the codes of an error."""

_KEY: Final = "the credentials are refused"
_ORDER: Final = "the order of its tool calls and their results is not the vendor's"
_SCHEMA: Final = "the model can't take this JSON Schema"
_SCHEMAS: Final = ("response_format", "tools[].function.parameters")
_LEVEL: Final = "the model does not think that way"


def _field(says: str, *paths: str, words: tuple[str, ...]) -> Sign:
    return Sign(reason=R.STATED_FIELD, says=says, words=words, paths=paths)


def _ours(what: str, *words: str) -> Sign:
    return Sign(
        reason=R.ADDED_FIELD,
        says=f"the model refuses what this gateway adds to a request by itself: {what}",
        words=words,
    )


SIGNS: Final[tuple[Sign, ...]] = (
    Sign(
        reason=R.CONTEXT_LENGTH,
        says="the prompt does not fit the model's context",
        words=("input token count", "exceeds the maximum number of tokens"),
    ),
    Sign(reason=R.CREDENTIALS, says=_KEY, code="API_KEY_INVALID"),
    Sign(reason=R.CREDENTIALS, says=_KEY, words=("api key not valid",)),
    Sign(reason=R.CREDENTIALS, says=_KEY, words=("api key not found",)),
    Sign(reason=R.CREDENTIALS, says=_KEY, words=("api key expired",)),
    Sign(reason=R.LOCATION, says="the account may not use it from here", words=("user location is not supported",)),
    Sign(reason=R.BILLING, says="the account may not use it from here, or needs billing", code="FAILED_PRECONDITION"),
    # what only the gateway can have put there
    _ours("reasoning_effort, in two ways", "only one of thinking budget and thinking level"),
    _ours("a signature", "missing a thought_signature"),
    _ours("a call's id", "functionresponse.id does not match"),
    _ours("a call's id", "function_response.id does not match"),
    _ours("a field that its API does not know", "unknown name"),
    _ours("the size of a batch", "requests can be in one batch"),
    _field(_LEVEL, "reasoning_effort", words=("thinking level", "is not supported")),
    _field(_LEVEL, "reasoning_effort", words=("is not a supported thinking level",)),
    _field(_LEVEL, "reasoning_effort", words=("thinking budget", "is invalid")),
    _field(_LEVEL, "reasoning_effort", words=("only works in thinking mode",)),
    _field(_LEVEL, "reasoning_effort", words=("thinking is not enabled",)),
    _field(_LEVEL, "reasoning_effort", words=("thinking_config is not supported",)),
    _field("the model takes none", "presence_penalty", "frequency_penalty", words=("penalty is not enabled",)),
    _field("the model gives one answer at a time", "n", words=("multiple candidates is not enabled",)),
    _field("the model tells no log probabilities", "logprobs", "top_logprobs", words=("logprobs is not enabled",)),
    # of sampling it is announced, and seen of penalties and candidates so far
    _field("the model takes none", "temperature", words=("temperature is not enabled",)),
    _field("the model takes none", "temperature", words=("temperature is not supported",)),
    _field(
        "the model continues no answer: the last message must not be the assistant's",
        "messages",
        words=("requests ending with a model turn",),
    ),
    _field(
        "the model does not take tools and JSON output together",
        "response_format",
        "tools",
        words=("function calling with a response mime type",),
    ),
    _field("not a media type that the model takes", "messages[].content", words=("unsupported mime type",)),
    _field("the vendor can't fetch this URL", "messages[].content", words=("cannot fetch content from the provided",)),
    _field(
        "not a name that the vendor takes for a function", "tools[].function.name", words=("invalid function name",)
    ),
    _field("two tools have the same name", "tools", words=("duplicate function declaration",)),
    _field("not a declared tool", "tool_choice", words=("allowed_function_names",)),
    _field(_ORDER, "messages", words=("function call turn comes immediately after",)),
    _field(_ORDER, "messages", words=("number of function response parts",)),
    _field("the model takes no system message", "messages", words=("developer instruction is not enabled",)),
    _field("not a signature that this model gave", "messages[].extra_content", words=("corrupted thought signature",)),
    _field("needs a message that is not empty", "messages", words=("contents is not specified",)),
    _field("needs a message that is not empty", "messages", words=("parts must not be empty",)),
    _field("a part of a message is empty", "messages", words=("required oneof field 'data'",)),
    _field("more stop sequences than the model takes", "stop", words=("stop sequence",)),
    _field("more stop sequences than the model takes", "stop", words=("stop_sequence",)),
    _field(_SCHEMA, *_SCHEMAS, words=("enum[", "cannot be empty")),
    _field(_SCHEMA, *_SCHEMAS, words=("too many states",)),
    _field(_SCHEMA, "response_format", words=("response_json_schema",)),
    _field(_SCHEMA, "response_format", words=("response_schema",)),
    _field(_SCHEMA, "tools[].function.parameters", words=("function_declarations[", ".parameters")),
    Sign(reason=R.REQUEST, says="the request is larger than it takes", statuses=(413,)),
    Sign(reason=R.CREDENTIALS, says=_KEY, statuses=(401, 403)),
    Sign(reason=R.BILLING, says="the account has no credit", statuses=(402,)),
    Sign(
        reason=R.RETIRED_MODEL,
        says="the model is no longer available to this account",
        words=("no longer available",),
        statuses=(404,),
        out=True,
    ),
    Sign(reason=R.UNKNOWN_MODEL, says="the model or the address is unknown there", statuses=(404,)),
    Sign(reason=R.TIMEOUT, says="no answer in time", statuses=(408, 504)),
    Sign(reason=R.GONE, says="what was asked for is gone there", statuses=(410,)),
    Sign(
        reason=R.BILLING,
        says="the account's prepaid credit is used up",
        words=("prepayment credits are depleted",),
        statuses=(429,),
        out=True,
    ),
    Sign(
        reason=R.NO_QUOTA,
        says="the account's tier does not include the model",
        words=("limit: 0",),
        statuses=(429,),
        out=True,
    ),
    Sign(reason=R.CAPACITY, says="has no capacity left", code="MODEL_CAPACITY_EXHAUSTED", statuses=(429, 503)),
    Sign(reason=R.CAPACITY, says="has no capacity left", code="MODEL_CAPACITY_EXCEEDED", statuses=(429, 503)),
    Sign(
        reason=R.DAY_QUOTA,
        says="the account's quota of the day is used up",
        code=PER_DAY,
        statuses=(429,),
        out=True,
    ),
    Sign(reason=R.RATE, says="asks to wait", statuses=(429,)),
    Sign(reason=R.CANCELLED, says="the request was cancelled there", statuses=(499,)),
    Sign(reason=R.CAPACITY, says="has no capacity left", words=("overloaded",), statuses=(503,)),
    Sign(reason=R.CAPACITY, says="has no capacity left", words=("high demand",), statuses=(503,)),
    Sign(reason=R.SERVER, says="its server failed", statuses=range(500, 600)),
    Sign(reason=R.REQUEST, says="refuses the request", statuses=ANY),
)

PATHS: Final[tuple[tuple[str, str], ...]] = (
    ("generationconfig.thinkingconfig", "reasoning_effort"),
    ("generationconfig.temperature", "temperature"),
    ("generationconfig.topp", "top_p"),
    ("generationconfig.topk", "top_k"),
    ("generationconfig.seed", "seed"),
    ("generationconfig.stopsequences", "stop"),
    ("generationconfig.maxoutputtokens", "max_tokens"),
    ("generationconfig.presencepenalty", "presence_penalty"),
    ("generationconfig.frequencypenalty", "frequency_penalty"),
    ("generationconfig.candidatecount", "n"),
    ("generationconfig.responselogprobs", "logprobs"),
    ("generationconfig.logprobs", "top_logprobs"),
    ("generationconfig.response", "response_format"),
    ("tools.functiondeclarations.name", "tools[].function.name"),
    ("tools.functiondeclarations.description", "tools[].function.description"),
    ("tools.functiondeclarations.parameters", "tools[].function.parameters"),
    ("tools.functiondeclarations", "tools[]"),
    ("toolconfig", "tool_choice"),
    ("systeminstruction", "messages[].content"),
    ("contents.parts.thoughtsignature", "messages[].extra_content"),
    ("contents.parts.functioncall.id", ""),
    ("contents.parts.functionresponse.id", ""),
    ("contents.parts.functioncall", "messages[].tool_calls"),
    ("contents.parts.functionresponse", "messages[].tool_call_id"),
    ("contents", "messages"),
    ("requests.content", "input"),
    ("requests.outputdimensionality", "dimensions"),
    ("content", "input"),
    ("outputdimensionality", "dimensions"),
)
"""The beginning of what `BadRequest.fieldViolations[].field` names, in lower case without underscores and indices, and
the client's field that stands there; none where only the gateway puts something there.
"""
