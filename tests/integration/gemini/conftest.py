"""What carries the calls to Gemini, in the suites that both transports have to pass."""

from collections.abc import Iterator

import pytest

from llm_gateway.adapters.outbound.gemini.client import Carrier

from .calls import CARRIED


@pytest.fixture(params=["rest", "sdk"])
def carrier(request: pytest.FixtureRequest) -> Iterator[Carrier]:
    before, CARRIED.by = CARRIED.by, request.param
    yield CARRIED.by
    CARRIED.by = before
