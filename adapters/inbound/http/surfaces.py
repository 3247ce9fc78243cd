"""The families of paths that this server has, and how each words errors."""

from .openai_errors import encode_openai_error, openai_error_headers, openai_rate_headers
from .problems import encode_problem, problem_headers
from .rate_headers import rate_headers
from .surface import Surface

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
