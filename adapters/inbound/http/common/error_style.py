"""How a surface words what each of its paths may have to say: errors, and where a client stands."""

from collections.abc import Callable

from msgspec import Struct

from llm_gateway.domain.quota import Decision

from .rate_headers import Headers


class ErrorStyle(Struct, frozen=True, kw_only=True):
    """`encode_error` is given the error and the request's id."""

    error_type: bytes
    encode_error: Callable[[BaseException, str], bytes]
    error_headers: Callable[[BaseException], Headers]
    rate_headers: Callable[[Decision], Headers]
