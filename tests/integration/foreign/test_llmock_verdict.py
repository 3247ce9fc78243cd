"""llmock judges the gateway as a client of its own: the waits that it asked for, and what was asked again."""

from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..http.served import Served, serve
from .processes import Foreign

pytestmark = pytest.mark.external("llmock")


async def judged(llmock: Foreign, served: Served, *faults: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The status of one chat that meets these faults, and the verdict on how it met them."""
    llmock.tell("POST", "/_llmock/reset")
    llmock.tell("POST", "/_llmock/scenario", {"behaviors": faults})
    answered = await served.chat(model="gemini", cache={"mode": "bypass"})
    return answered.status_code, llmock.tell("GET", "/_llmock/verdict")


async def test_the_gateway_waits_as_it_is_asked_to_and_repeats_only_what_waiting_mends(llmock: Foreign) -> None:
    url = f"http://127.0.0.1:{llmock.port}/gemini"
    async with serve(None, gemini_api_key=Secret("any"), gemini_base_url=url) as served:
        status, verdict = await judged(llmock, served, {"type": "fail", "status": 429, "retry_after": 1})
        assert (status, verdict["attempts"], verdict["findings"]) == (200, 2, [])

        status, verdict = await judged(llmock, served, {"type": "fail", "status": 400})
        assert (status, verdict["attempts"], verdict["findings"]) == (400, 1, [])
