"""What a machine lacks for a test, beyond programs: `pytest.mark.external` is for those."""

import os
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """Skips the test; in CI, where nothing may be lacking, it fails."""
    (pytest.fail if os.environ.get("LLM_GATEWAY_REQUIRE_EXTERNAL") else pytest.skip)(reason)
    raise AssertionError("either ends the test")
