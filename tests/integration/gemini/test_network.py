"""Where Gemini's requests go, and go not: no connection, redirects, the environment."""

import socket
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.errors import ProviderMisconfigured, ProviderRefused

from ..certificates import self_signed
from ..scripted_vendor import Answer
from .calls import HELLO, KEY, PROMPT, WORLD, client_at, events_of, model_at, served
from .payloads import stream
from .server import GeminiServer

pytestmark = pytest.mark.usefixtures("carrier")


@pytest.mark.parametrize("grain", Grain)
async def test_nothing_is_sent_where_no_connection_is_made(grain: Grain, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with (
            GeminiServer(stream(HELLO, WORLD)).running() as plain,
            GeminiServer(stream(HELLO, WORLD), tls=self_signed()).running() as untrusted,
        ):
            monkeypatch.setattr(socket, "getaddrinfo", no_name)
            for url in (refused, "http://nowhere.invalid", plain.url.replace("http:", "https:"), untrusted.url):
                async with model_at(url) as model:
                    with pytest.raises(ProviderRefused):
                        await events_of(model, grain=grain)
            assert plain.asked == untrusted.asked == []
            assert PROMPT.encode() not in plain.received + untrusted.received


@pytest.mark.parametrize("door", ["/", "/v1", "/v1beta/", "/api", "/v1beta/openai/"])
async def test_a_base_url_that_names_a_door_of_the_vendor_means_the_vendor(door: str) -> None:
    async with GeminiServer(stream(HELLO, WORLD)).running() as server:
        for url in (server.url, server.url + door):
            async with model_at(url) as model:
                await events_of(model)
        assert server.asked[0].path == server.asked[1].path


@pytest.mark.parametrize("grain", Grain)
async def test_a_redirect_is_not_followed(grain: Grain) -> None:
    async with GeminiServer(stream(HELLO, WORLD)).running() as elsewhere:
        for status in (301, 302, 307, 308):
            there = Answer((), status=status, headers={"Location": f"{elsewhere.url}/v1beta/x"})
            async with served(there) as (_, model):
                with pytest.raises(ProviderMisconfigured):
                    await events_of(model, grain=grain)
        assert elsewhere.connections == 0


@pytest.mark.parametrize("malformed", [None, "odd://nobody:odd"], ids=["elsewhere", "malformed"])
async def test_nothing_is_taken_from_the_environment(
    malformed: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with GeminiServer(stream(HELLO, WORLD)).running() as elsewhere, served(stream(HELLO, WORLD)) as (server, _):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, malformed or elsewhere.url)
            monkeypatch.setenv(name.lower(), malformed or elsewhere.url)
        for name, value in {
            "NO_PROXY": "", "no_proxy": "", "NETRC": str(tmp_path / "netrc"),
            "GOOGLE_API_KEY": "other", "GEMINI_API_KEY": "another", "GOOGLE_GEMINI_BASE_URL": elsewhere.url,
            "GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_GENAI_USE_ENTERPRISE": "true",
            "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l", "GOOGLE_GENAI_API_VERSION": "v9",
            "GOOGLE_GENAI_CLIENT_MODE": "replay", "GOOGLE_GENAI_REPLAYS_DIRECTORY": str(tmp_path),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login odd password odd")
        async with model_at(server.url) as model:
            await events_of(model)
        asked = server.asked[0]
        assert asked.path.startswith("/v1beta/models/")
        assert asked.headers["x-goog-api-key"] == KEY
        assert "authorization" not in asked.headers
        assert elsewhere.connections == 0


async def test_without_a_key_nothing_is_made_and_nothing_is_asked() -> None:
    client = client_at(None, key=None)
    model = GeminiChatModel(client, SystemClock())
    for grain in Grain:
        with pytest.raises(ProviderMisconfigured, match="GEMINI_API_KEY is not set"):
            await events_of(model, grain=grain)
    await client.aclose()
