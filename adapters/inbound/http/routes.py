"""What this server serves: how the surface of each path words errors, and the description of them all."""

from typing import Any

from .common.error_style import ErrorStyle
from .common.problems import encode_problem, problem_headers
from .common.rate_headers import rate_headers
from .native.description import NATIVE_TYPES, native_paths
from .openai.description import OPENAI_TYPES, openai_paths
from .openai.errors import encode_openai_error, openai_error_headers, openai_rate_headers
from .openapi.document import openapi_document
from .operations.description import OPERATIONS_TYPES, operations_paths

NATIVE_ERRORS = ErrorStyle(
    error_type=b"application/problem+json",
    encode_error=encode_problem,
    error_headers=problem_headers,
    rate_headers=rate_headers,
)
OPENAI_ERRORS = ErrorStyle(
    error_type=b"application/json",
    encode_error=encode_openai_error,
    error_headers=openai_error_headers,
    rate_headers=openai_rate_headers,
)


def error_style_of(path: str) -> ErrorStyle:
    """By the path alone: what is refused before any handler is told in the same words."""
    return OPENAI_ERRORS if path == "/v1" or path.startswith("/v1/") else NATIVE_ERRORS


def api_document(version: str) -> dict[str, Any]:
    """The OpenAPI document of everything that is served."""
    types = [*NATIVE_TYPES, *OPENAI_TYPES, *OPERATIONS_TYPES]
    return openapi_document(version, types, {**native_paths(), **openai_paths(), **operations_paths()})
