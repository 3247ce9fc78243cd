"""Both ways to a server, for the suites that hold for either."""

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.client import Clients
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.ollama.rest import OllamaRest
from llm_gateway.adapters.outbound.ollama.sdk import OllamaSdk
from llm_gateway.adapters.outbound.ollama.transport import Connect

TRANSPORTS: dict[str, Connect] = {"rest": OllamaRest, "sdk": OllamaSdk}


@pytest.fixture(params=TRANSPORTS)
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """By which all that a test makes asks, as one transport is the default of all of them."""
    connect = TRANSPORTS[request.param]
    for made in (OllamaChatModel, OllamaEmbeddingModel, OllamaDirectory, Clients):
        defaults = made.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "connect", connect)
    return connect
