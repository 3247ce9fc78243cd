"""How a request steers itself, without a server."""

import pytest

from llm_gateway.adapters.inbound.http.common.json_text import check_names
from llm_gateway.domain.errors import InvalidRequest


def nested(depth: int) -> bytes:
    return b'{"mod\\u0065l":"a","x":' + b"[" * depth + b"]" * depth + b"}"


def test_a_name_in_escapes_counts_like_any_other() -> None:
    with pytest.raises(InvalidRequest):
        check_names(b'{"model":"ollama","mod\\u0065l":"gemini"}')
    check_names(nested(10))


def test_a_body_too_deep_to_be_looked_through_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        check_names(nested(200_000))
