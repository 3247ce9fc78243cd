"""One request and its response, as far as every handler shares it."""

from collections.abc import MutableMapping
from typing import Any, cast

from litestar.types import Scope
from msgspec import Struct, field

from llm_gateway.application.records import RequestRecord

from .bodies import Share
from .surfaces import Surface, surface_of

_KEY = "llm_gateway.exchange"


class Exchange(Struct):
    """`headers` go out with the response, whoever makes it, once each. `route` is the path as the server knows it.

    `record` is what became of a chat or an embedding, once that is known. `body` is what its body may hold.
    """

    request_id: str
    surface: Surface
    body: Share
    route: str = "unmatched"
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    record: RequestRecord | None = None

    def told(self, record: RequestRecord) -> None:
        self.record = record


def begin_exchange(scope: Scope, request_id: str, body: Share) -> Exchange:
    exchange = Exchange(request_id=request_id, surface=surface_of(_items(scope)["path"]), body=body)
    _items(scope)[_KEY] = exchange
    return exchange


def exchange_of(scope: Scope) -> Exchange:
    return cast("Exchange", _items(scope)[_KEY])


def method_of(scope: Scope) -> str:
    return cast("str", _items(scope)["method"])


def _items(scope: Scope) -> MutableMapping[str, Any]:
    return cast("MutableMapping[str, Any]", scope)
