"""Base URLs as people copy them from other clients, and the server that each means."""

import pytest

from llm_gateway.application.vendor_addresses import address_fault, server_address


@pytest.mark.parametrize(
    "server", ["http://localhost:11434", "https://api", "https://proxy.example/ollama", "box:11434"]
)
@pytest.mark.parametrize(
    "door", ["", "/", "//", "/v1", "/v1/", "/v1beta", "/V1Beta/", "/api", "/api/", "/v1beta/openai/"]
)
def test_a_door_of_a_server_means_the_server(server: str, door: str) -> None:
    assert server_address(f"{server}{door}") == server
    assert address_fault(f"{server}{door}") is None


@pytest.mark.parametrize(
    "url", ["http://proxy.example/v1/account/google-ai-studio", "http://gw/api-of-mine", "http://gw/apiv1"]
)
def test_what_only_looks_like_a_door_is_a_part_of_the_address(url: str) -> None:
    assert (server_address(url), address_fault(url)) == (url, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/api/chat",
        "http://localhost:11434/v1/chat/completions",
        "https://google.example/v1beta/models/gemini-flash-latest:generateContent",
        "https://google.example/v1beta/openai/chat/completions",
        "https://google.example/?key=1",
        "https://google.example/#v1",
    ],
)
def test_an_address_that_can_not_work_says_why(url: str) -> None:
    assert address_fault(url)
