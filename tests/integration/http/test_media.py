"""Documents and images by their URL, from both surfaces to Gemini; refused by their field where none takes them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import said
from ..gemini.server import GeminiServer
from ..ollama.server import end, ollama_server
from ..scripted_vendor import Answer, Asked, whole
from .served import Served, serve

PDF = "data:application/pdf;base64,JVBERi0="
URL = "https://pictures.example/cat.png"
ASKED = {"type": "text", "text": "What is it?"}


def hello(asked: Asked) -> Answer:
    return whole({"models": []}) if asked.method == "GET" else whole(said({"text": "A cat."}, finish="STOP"))


@asynccontextmanager
async def gateway(model: str = "gemini-3.8-flash") -> AsyncGenerator[tuple[Served, GeminiServer], None]:
    async with GeminiServer(hello).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [whole(end("stop", content="From Ollama"))]
        settings: dict[str, Any] = {"gemini_api_key": Secret("vendor-key"), "gemini_base_url": gemini.url}
        async with serve(None, ollama_base_url=ollama.url, gemini_model=model, **settings) as served:
            yield served, gemini


def parts_of(gemini: GeminiServer) -> list[dict[str, Any]]:
    asked = next(asked for asked in reversed(gemini.asked) if asked.method == "POST")
    parts: list[dict[str, Any]] = asked.body["contents"][0]["parts"]
    return parts


def body(*parts: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [ASKED, *parts]}], **fields}


async def test_a_pdf_goes_to_gemini_from_both_surfaces() -> None:
    file = {"type": "file", "file": {"file_data": PDF, "filename": "report.pdf"}}
    document = {"type": "document", "data": "JVBERi0=", "name": "report.pdf"}
    sent = {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}
    async with gateway() as (served, gemini):
        for path, part in (("/v1/chat/completions", file), ("/api/v1/chat", document)):
            answered = await served.client.post(path, json=body(part, model="gemini", cache={"mode": "bypass"}))
            assert answered.status_code == 200, answered.text
            assert parts_of(gemini)[1] == sent


@pytest.mark.parametrize("detail", ["low", "high", "auto"])
async def test_an_image_by_its_url_is_left_to_gemini_to_fetch(detail: str) -> None:
    openai = {"type": "image_url", "image_url": {"url": URL, "detail": detail}}
    native = {"type": "image_url", "url": URL, "detail": detail}
    sent: dict[str, Any] = {"fileData": {"fileUri": URL, "mimeType": "image/png"}}
    if detail != "auto":
        sent |= {"mediaResolution": {"level": f"MEDIA_RESOLUTION_{detail.upper()}"}}
    async with gateway() as (served, gemini):
        for path, part in (("/v1/chat/completions", openai), ("/api/v1/chat", native)):
            answered = await served.client.post(path, json=body(part, model="gemini", cache={"mode": "bypass"}))
            assert answered.status_code == 200, answered.text
            assert parts_of(gemini)[1] == sent
            assert "x-gateway-ignored" not in answered.headers


async def test_a_detail_that_a_model_does_not_take_is_named() -> None:
    image = {"type": "image", "data": "aGk=", "mime_type": "image/png", "detail": "high"}
    async with gateway("gemini-2.5-flash-lite") as (served, gemini):
        answered = await served.client.post("/api/v1/chat", json=body(image, model="gemini"))
        assert answered.headers["x-gateway-ignored"] == "messages[0].content[1].detail"
        assert "mediaResolution" not in parts_of(gemini)[1]


@pytest.mark.parametrize(
    "part", [{"type": "image_url", "url": URL}, {"type": "document", "data": "JVBERi0="}], ids=["url", "document"]
)
async def test_they_never_reach_who_does_not_take_them(part: dict[str, Any]) -> None:
    async with gateway() as (served, gemini):
        for where in ({"model": "ollama"}, {"model_hint": "local"}, {"model_hint": "secure"}):
            refused = await served.client.post("/api/v1/chat", json=body(part, **where))
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "messages[0].content[1]")
        assert not [asked for asked in gemini.asked if asked.method == "POST"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://pictures.example/cat.png", "messages[0].content[1].url"),
        ("https://me:secret@pictures.example/cat.png", "messages[0].content[1].url"),
        ("https:///cat.png", "messages[0].content[1].url"),
        ("https://pictures.example/cat", "messages[0].content[1]"),
        ("https://pictures.example/cat.gif", "messages[0].content[1]"),
    ],
)
async def test_an_address_that_nobody_can_fetch_or_read_is_refused_by_its_field(url: str, path: str) -> None:
    async with gateway() as (served, _):
        refused = await served.client.post("/api/v1/chat", json=body({"type": "image_url", "url": url}, model="gemini"))
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, path)
        assert "secret" not in refused.text
