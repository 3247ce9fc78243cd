"""OpenAI's embeddings: their wire types, the way to the domain and back, and the answer."""

from base64 import b64encode
from datetime import timedelta
from struct import pack
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, json
from msgspec.structs import replace

from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.embedding import EmbedCall, EmbedReply, EmbedRequest, Vector
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.routing import Hint
from llm_gateway.domain.validation import MAX_DIMENSIONS, MAX_INPUTS

from ..common.chat_calls import to_directive
from ..common.fields import Fate
from ..common.requests import Fields, decode, hint_of, keeps_nothing, timeout_of
from ..common.wire import CacheIn, In, NonEmpty
from .fields import EMBEDDING_FIELDS

D = TypeVar("D")
_encode = json.Encoder().encode


class EmbeddingBody(In, frozen=True, kw_only=True):
    """The body of `POST /v1/embeddings`. Texts, not tokens: these are another model's."""

    input: NonEmpty | Annotated[list[NonEmpty], Meta(min_length=1, max_length=MAX_INPUTS)]
    model: NonEmpty
    dimensions: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None
    model_hint: Hint | None = None
    cache: CacheIn | None = None


class EmbeddingOut(Struct, frozen=True, kw_only=True):
    """Numbers, or base64 of them as little-endian 32-bit floats."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: Vector | str


class EmbeddingUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the provider counts them, or as the gateway estimates them: then `estimated`, which is not OpenAI's."""

    prompt_tokens: int
    total_tokens: int
    estimated: Literal[True] | UnsetType = UNSET


class EmbeddingsOut(Struct, Generic[D], frozen=True, kw_only=True):
    """The vectors of all inputs, in their order."""

    object: Literal["list"] = "list"
    data: list[D]
    model: str
    usage: EmbeddingUsage


class _Tokens(Struct, frozen=True):
    """A body with tokens instead of texts."""

    input: Annotated[list[int | list[int]], Meta(min_length=1)]


_decoder = json.Decoder(EmbeddingBody)
_IDLE = tuple(field.path for field in EMBEDDING_FIELDS if field.fate is Fate.NO_EFFECT)
_tokens = json.Decoder(_Tokens)
_TOKENS = (
    "must be text: tokens are another model's. Clients that send them can be told not to, as LangChain's by "
    "check_embedding_ctx_length=False"
)


def read_embedding(fields: Fields, data: bytes) -> tuple[bool, EmbedCall]:
    """Whether base64 is asked for, and the call. Raises `InvalidRequest`."""
    try:
        body = decode(_decoder, data)
    except InvalidRequest:
        if _holds_tokens(data):
            raise InvalidRequest.at("input[0]", _TOKENS) from None
        raise
    call = to_embed_call(body, hint_of(fields, body.model_hint), timeout_of(fields))
    if keeps_nothing(fields):
        call = replace(call, cache=CacheDirective(mode=CacheMode.BYPASS))
    return body.encoding_format == "base64", call


def _holds_tokens(data: bytes) -> bool:
    """Whether the input of a body is what some clients make of a text before they send it: numbers."""
    try:
        decode(_tokens, data)
    except InvalidRequest:
        return False
    return True


def to_embed_call(body: EmbeddingBody, hint: Hint | None, timeout: timedelta | None) -> EmbedCall:
    inputs = (body.input,) if isinstance(body.input, str) else tuple(body.input)
    return EmbedCall(
        request=EmbedRequest(inputs=inputs, dimensions=body.dimensions),
        model=body.model,
        hint=hint,
        cache=to_directive(body.cache),
        timeout=timeout,
        ignored=tuple(path for path in _IDLE if getattr(body, path) is not None),
    )


def encode_embeddings(reply: EmbedReply, *, base64: bool) -> bytes:
    """Each vector by itself, so that no other thread waits for the encoding of thousands."""
    vectors = (_packed(vector) if base64 else vector for vector in reply.vectors)
    out = EmbeddingsOut(
        data=[Raw(_encode(EmbeddingOut(index=index, embedding=vector))) for index, vector in enumerate(vectors)],
        model=reply.model,
        usage=EmbeddingUsage(
            prompt_tokens=reply.prompt_tokens,
            total_tokens=reply.prompt_tokens,
            estimated=True if reply.estimated else UNSET,
        ),
    )
    return _encode(out)


def _packed(vector: Vector) -> str:
    return b64encode(pack(f"<{len(vector)}f", *vector)).decode()
