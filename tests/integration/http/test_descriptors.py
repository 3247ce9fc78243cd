"""Lack of file descriptors is this process's own overload: it is held against no endpoint."""

import sys

import pytest

from llm_gateway.domain.resilience import BREAKER_FAILURES

from ..ollama.server import end, ollama_server
from ..scripted_vendor import whole
from .served import serve

if sys.platform == "win32":
    pytest.skip("limits descriptors", allow_module_level=True)

from ..descriptors import none_left


@pytest.mark.parametrize("transport", ["rest", "sdk"])
@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_descriptor_for_a_vendor_the_gateway_is_overloaded_and_the_vendor_well(
    transport: str, stream: bool
) -> None:
    async with ollama_server() as ollama:
        ollama.scripts = [whole(end(content="Hello"))]
        async with serve(
            None, ollama_base_url=ollama.url, ollama_transport=transport, provider_max_retries=0
        ) as served:
            wire = await served.connect()
            with none_left():
                for number in range(BREAKER_FAILURES + 1):
                    await wire.send(served.chat_request(f"refused {number}", model_hint="local", stream=stream))
                    status, headers, text = await wire.answer()
                    assert (status, b'"overloaded"' in text, headers["retry-after"]) == (503, True, "1")
            assert (await served.chat("and now", model_hint="local")).status_code == 200, "no breaker is open"
            assert {record.error for record in served.observer.records[:-1]} == {"OutOfDescriptors"}
