"""Errors as Ollama words them: one text."""

from msgspec import json

from ..common.problems import problem


def encode_ollama_error(error: BaseException, request_id: str) -> bytes:
    """`code` is this gateway's own."""
    told = problem(error, request_id)
    return json.encode({"error": told.detail, "code": told.code})
