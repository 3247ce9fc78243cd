"""Vertex AI by the SDK: where its calls go, with Google's own credentials and no key of Gemini's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import google.auth
import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from typing_extensions import override

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
from llm_gateway.adapters.outbound.gemini.transport import Vertex
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import Grain
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.errors import ProviderError, ProviderMisconfigured, ProviderRefused
from llm_gateway.domain.events import collect
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Reaction, whole
from ..waiting import HANG_SECONDS
from .calls import HELLO, TO, WORLD, ask, request
from .payloads import embedded, refusal, said, stream
from .server import GeminiServer

CLOCK = SystemClock()
PATH = "/v1beta1/projects/a-project/locations/europe-west4/publishers/google/models"
LISTED = {"publisherModels": [{"name": "publishers/google/models/gemini-2.5-pro", "versionId": "default"}]}


class Given(Credentials):
    """A token, and what comes of asking for a new one."""

    def __init__(self, token: str | None = "a-token", fault: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = token
        self.fault = fault

    @override
    def refresh(self, request: object) -> None:
        if self.fault is not None:
            raise self.fault
        self.token = "a-new-token"


@asynccontextmanager
async def vertex(*scripts: Reaction) -> AsyncIterator[tuple[GeminiServer, GeminiClient]]:
    async with GeminiServer(*scripts, judges=False).running() as server:
        client = GeminiClient(
            provider="gemini",
            api_key=None,
            base_url=server.url,
            clock=CLOCK,
            carrier="sdk",
            vertex=Vertex("a-project", "europe-west4"),
        )
        yield server, client
        await client.aclose()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "a-key-that-is-not-asked-for")
    have(monkeypatch, Given())


def have(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    monkeypatch.setattr(google.auth, "default", lambda **_: (credentials, "another-project"))


@pytest.mark.parametrize("token", ["a-token", None], ids=["there", "asked for"])
async def test_chats_go_to_the_project_and_its_location(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, Given(token))
    async with vertex(stream(HELLO, WORLD), whole(said({"text": "Hello"}, finish="STOP"))) as (server, client):
        for grain in (Grain.STREAM, Grain.WHOLE):
            assert (await collect(ask(GeminiChatModel(client, CLOCK), grain=grain))).content == "Hello"
    assert [asked.path for asked in server.asked] == [
        f"{PATH}/gemini-flash-latest:streamGenerateContent?alt=sse",
        f"{PATH}/gemini-flash-latest:generateContent",
    ]
    for asked in server.asked:
        assert asked.headers["authorization"] == f"Bearer {token or 'a-new-token'}"
        assert "x-goog-api-key" not in asked.headers
        assert asked.body["contents"][0]["role"] == "user"


async def test_embeddings_and_the_list_of_models_go_there_too() -> None:
    async with vertex(embedded, whole(LISTED)) as (server, client):
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        to = Endpoint(id=EndpointId(provider="gemini", model="gemini-embedding-001"), locality=Locality.CLOUD)
        texts = EmbedRequest(inputs=("a", "b"))
        reply = await GeminiEmbeddingModel(client, CLOCK).embed(to, texts, deadline=deadline, headers={})
        assert len(reply.vectors) == 2
        directory = GeminiDirectory(client, CLOCK, model="gemini-flash-latest")
        assert await directory.refresh()
        assert [state.endpoint.id.model for state in directory.snapshot()] == ["gemini-flash-latest", "gemini-2.5-pro"]
        assert directory.snapshot()[0].endpoint.fingerprint.startswith("vertex a-project/europe-west4 ")
    assert server.asked[0].path == f"{PATH}/gemini-embedding-001:batchEmbedContents"
    assert server.asked[1].path.startswith("/v1beta1/publishers/google/models?")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (RefreshError, ProviderMisconfigured),
        (DefaultCredentialsError, ProviderMisconfigured),
        (TransportError, ProviderRefused),
    ],
)
@pytest.mark.parametrize("grain", Grain)
async def test_credentials_that_there_are_none_of_are_told(
    fault: type[Exception], kind: type[ProviderError], grain: Grain, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(monkeypatch, Given(None, fault("SECRET")))
    async with vertex(whole(WORLD)) as (server, client):
        with pytest.raises(ProviderError) as caught:
            await collect(ask(GeminiChatModel(client, CLOCK), grain=grain, to=TO))
        assert server.asked == []
    assert type(caught.value) is kind
    assert "SECRET" not in str(caught.value)


async def test_credentials_that_are_refused_make_every_model_unusable() -> None:
    async with vertex(refusal(401)) as (_, client):
        directory = GeminiDirectory(client, CLOCK, model="gemini-flash-latest")
        assert directory.snapshot()[0].configured
        assert not await directory.refresh()
        (state,) = directory.snapshot()
    assert state.unusable == "Google's application-default credentials are refused"


async def test_prompts_are_counted_there_too_by_its_own_body() -> None:
    async with vertex(whole({"totalTokens": 7})) as (server, client):
        deadline = Deadline(CLOCK.monotonic() + HANG_SECONDS)
        to = Endpoint(id=EndpointId(provider="gemini", model="gemini-2.5-pro"), locality=Locality.CLOUD)
        assert await GeminiChatModel(client, CLOCK).count(to, request(), deadline=deadline, headers={}) == 7
    assert server.asked[0].path == f"{PATH}/gemini-2.5-pro:countTokens"
    assert server.asked[0].body.keys() == {"contents"}
