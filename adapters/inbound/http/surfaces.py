"""How each family of paths words what every path may have to say: errors, and where a client stands."""

from collections.abc import Callable

from msgspec import Struct

from llm_gateway.domain.quota import Decision

from .openai_errors import encode_openai_error, openai_error_headers, openai_rate_headers
from .problems import encode_problem, problem_headers
from .rate_headers import Headers, rate_headers


class Surface(Struct, frozen=True, kw_only=True):
    """`encode_error` is given the error and the request's id."""

    error_type: bytes
    encode_error: Callable[[BaseException, str], bytes]
    error_headers: Callable[[BaseException], Headers]
    rate_headers: Callable[[Decision], Headers]


NATIVE = Surface(
    error_type=b"application/problem+json",
    encode_error=encode_problem,
    error_headers=problem_headers,
    rate_headers=rate_headers,
)
OPENAI = Surface(
    error_type=b"application/json",
    encode_error=encode_openai_error,
    error_headers=openai_error_headers,
    rate_headers=openai_rate_headers,
)


def surface_of(path: str) -> Surface:
    """By the path alone: what is refused before any handler is told in the same words."""
    return OPENAI if path == "/v1" or path.startswith("/v1/") else NATIVE
