"""One request and its response, as far as every handler shares it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from litestar.types import HTTPScope, Scope
from msgspec import Struct, field
from typing_extensions import override

from llm_gateway.application.records import RequestId, RequestRecord
from llm_gateway.domain.quota import Decision

from .own_paths import at_own_paths
from .presence import Presence, presence_of
from .problems import status_in_table
from .requests import CAME, Fields, Share
from .response_headers import Headers

E = TypeVar("E", bound=BaseException)
_KEY = "llm_gateway.request_context"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class HeaderTexts(Mapping[str, str]):
    """The last value of each header field as text, made only of what is looked for."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    @override
    def __getitem__(self, name: str) -> str:
        return self._fields[name.encode("latin-1")][-1].decode("latin-1")

    @override
    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._fields)

    @override
    def __len__(self) -> int:
        return len(self._fields)


class ErrorStyle(Struct, frozen=True, kw_only=True):
    """How a surface expresses errors, and a client's quota. `encode_error` takes the error and the request's id.

    `status` is the one that an error is answered with. `id_header` has the request's id beside `X-Request-Id`, where
    the family's clients look for it elsewhere.
    """

    error_type: bytes
    encode_error: Callable[[BaseException, str], bytes]
    error_headers: Callable[[BaseException], Headers]
    rate_headers: Callable[[Decision], Headers]
    status: Callable[[BaseException], int] = status_in_table
    id_header: bytes | None = None


class RequestContext(Struct):
    """What was read of a request's head, and what its response has so far.

    `fields` are its header fields, `texts` the same as observers take them. `presence` tells of the client, where the
    server does. `body` is what its body may hold. `route` is the path as the server knows it. `headers` go out with the
    response, whoever makes it, once each. `came` is when its head came, where that is known. `record` is what became
    of a chat or an embedding, once that is known. `own_path` makes of a path in a chat completion the one in the body
    that was sent, where they differ. `failed` is what left a handler that Litestar did not call, and is to answer.
    """

    id: RequestId
    error_style: ErrorStyle
    fields: Fields
    body: Share
    presence: Presence | None = None
    came: float | None = None
    route: str = "unmatched"
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    record: RequestRecord | None = None
    own_path: Callable[[str], str] | None = None
    failed: Exception | None = None

    @property
    def texts(self) -> Mapping[str, str]:
        return HeaderTexts(self.fields)

    def recorded(self, record: RequestRecord) -> None:
        self.record = record

    def own_error(self, error: E) -> E:
        """The error with the paths of the body that was sent."""
        return error if self.own_path is None else at_own_paths(error, self.own_path)

    def own_paths(self, paths: Sequence[str]) -> Sequence[str]:
        return paths if self.own_path is None else tuple(map(self.own_path, paths))


def begin_context(scope: HTTPScope, new_id: Callable[[], str], error_style: ErrorStyle, body: Share) -> RequestContext:
    """Reads the head once. The request's id is the client's own where that is sane, else a new one."""
    fields = _fields(cast("Headers", scope["headers"]))
    stated = fields[b"x-request-id"][0] if b"x-request-id" in fields else b""
    id = RequestId(stated.decode() if _SANE_ID.fullmatch(stated) else new_id())
    context = RequestContext(id, error_style, fields, body, presence_of(scope), scope["state"].get(CAME))
    if error_style.id_header is not None:
        context.headers[error_style.id_header] = id.encode()
    scope["state"][_KEY] = context
    return context


def _fields(headers: Collection[tuple[bytes, bytes]]) -> Fields:
    """Most have each name once."""
    once: dict[bytes, Sequence[bytes]] = {name: (value,) for name, value in headers}
    if len(once) == len(headers):
        return once
    fields: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    return fields


def context_of(scope: Scope) -> RequestContext:
    """The context that was begun for this request."""
    context: RequestContext = scope["state"][_KEY]
    return context
