"""What is refused is told in words that fit: no fault contradicts itself, and none leaves its reader without a way."""

import re
from itertools import pairwise
from typing import Any

import pytest

from .served import Served

CHATS = {"native": "/api/v1/chat", "openai": "/v1/chat/completions"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.example/a.png"}}
HELLO = {"role": "user", "content": "Hello"}
TEXT = {"type": "text", "text": "a"}
CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
FAULTY: list[dict[str, Any]] = [
    *({"messages": [{**more, "role": role, "content": [TEXT, IMAGE]}]} for role, more in (
        ("system", {}), ("developer", {}), ("assistant", {}), ("tool", {"tool_call_id": "c"}),
    )),
    {"messages": [{"role": "user", "content": [{"type": "video_url"}]}]},
    {"messages": [{"role": "function", "content": "a"}]},
    {"messages": [{"role": "user"}]},
    {"messages": [{"content": "a"}]},
    {"messages": []},
    {"messages": "a"},
    {"messages": [HELLO], "mood": 1},
    {"messages": [HELLO], "model_hint": "nearby"},
    {"messages": [HELLO], "reasoning_effort": "utmost"},
    {"messages": [HELLO], "temperature": 9},
    {"messages": [HELLO], "top_p": "a"},
    {"messages": [HELLO], "stop": list("abcdefghijklmnopqrst")},
    {"messages": [HELLO], "response_format": {"type": "xml"}},
    {"messages": [HELLO], "tool_choice": "sometimes"},
    {"messages": [HELLO], "tool_choice": "required"},
    {"messages": [HELLO], "tools": [{"type": "function"}]},
    {"messages": [HELLO], "cache": {"mode": "always"}},
    {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL, CALL]}]},
    {"messages": [HELLO, {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]}]},
    {"messages": [HELLO], "seed": 2**70},
    {"messages": [HELLO], "model": "nobody/nothing"},
]  # fmt: skip


def stated(body: Any, path: str) -> object:
    """What stands at a path in what was sent."""
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            body = body[int(step)] if isinstance(body, list) else body[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return body


def told(response: Any) -> list[tuple[str, str]]:
    """The path and the sentence of each fault."""
    body = response.json()
    if "error" in body:
        return [(body["error"]["param"] or "", body["error"]["message"])]
    return [("", body["detail"]), *((fault["path"], fault["message"]) for fault in body.get("errors", ()))]


@pytest.mark.parametrize("path", CHATS.values(), ids=CHATS)
@pytest.mark.parametrize("body", FAULTY, ids=range(len(FAULTY)))
async def test_no_fault_contradicts_itself(served: Served, path: str, body: dict[str, Any]) -> None:
    response = await served.client.post(path, json={"model": "ollama", **body})
    assert response.status_code in (400, 404)
    for at, sentence in told(response):
        allowed = re.search(r"must be (?:one of )?(.*)", sentence)
        value = stated({"model": "ollama", **body}, at)
        assert allowed is None or value not in allowed[1].split(", "), sentence
        words = re.findall(r"[A-Za-z_\[\]0-9./]{4,}", sentence)
        assert not [one for one, two in pairwise(words) if one.strip(".") == two.strip(".")], sentence
        if at:
            assert sentence.count(at) <= 1 or len(at) < 6, sentence


@pytest.mark.parametrize(
    ("surface", "number"),
    [(surface, number) for surface in CHATS for number in range(4) if (surface, number) != ("native", 3)],
)
async def test_an_image_where_none_may_stand_is_told_what_may(served: Served, surface: str, number: int) -> None:
    """On the native surface a tool's result may be one."""
    response = await served.client.post(CHATS[surface], json={"model": "ollama", **FAULTY[number]})
    assert told(response)[-1][1].removeprefix("messages[0].content[1].type: ") == "must be text"


OPENAI = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/models",
    "/responses",
    "/images/generations",
    "/audio/speech",
    "/v1",
    "/v1/completions",
    "/v1/images",
    "/v1/images/generations",
    "/v1/assistants",
    "/v1/v1/chat/completions",
    "/v1/nothing/such",
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", OPENAI)
async def test_a_path_of_openai_s_that_leads_nowhere_is_told_what_is_offered(
    served: Served, method: str, path: str
) -> None:
    response = await served.client.request(method, path, json={})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "not_found")
    assert "POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models" in error["message"]
    assert "such" not in error["message"]
    assert len(error["message"]) < 300


@pytest.mark.parametrize("path", ["/api/v1/chats", "/api/v2/chat", "/api", "/nothing"])
async def test_any_other_is_told_in_the_native_shape(served: Served, path: str) -> None:
    response = await served.client.post(path, json={})
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "POST /api/v1/chat" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
async def test_another_method_is_told_in_that_shape(served: Served, path: str) -> None:
    response = await served.client.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in response.json()["error"]["message"]


@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2], [3]], [[1]]])
async def test_tokens_for_an_embedding_name_the_client_s_switch(served: Served, tokens: object) -> None:
    response = await served.client.post("/v1/embeddings", json={"model": "ollama", "input": tokens})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "input[0]")
    assert "check_embedding_ctx_length=False" in error["message"]


@pytest.mark.parametrize("input", [5, None, [], ["a", 1], [""], {"a": 1}])
async def test_what_else_is_no_text_is_not_taken_for_tokens(served: Served, input: object) -> None:
    response = await served.client.post("/v1/embeddings", json={"model": "ollama", "input": input})
    assert response.status_code == 400
    assert "tokens" not in response.json()["error"]["message"]
