"""The families of paths that this server has: how each words errors, and the description of them all."""

from typing import Any

from .openai_errors import encode_openai_error, openai_error_headers, openai_rate_headers
from .openapi import openapi_document
from .openapi_native import NATIVE_TYPES, native_paths
from .openapi_openai import OPENAI_TYPES, openai_paths
from .openapi_operations import OPERATIONS_TYPES, operations_paths
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


def api_document(version: str) -> dict[str, Any]:
    """The OpenAPI document of everything that is served."""
    types = [*NATIVE_TYPES, *OPENAI_TYPES, *OPERATIONS_TYPES]
    return openapi_document(version, types, {**native_paths(), **openai_paths(), **operations_paths()})
