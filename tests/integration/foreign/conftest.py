"""The foreign servers, each started once, when the first test asks for it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ...external.environments import Environment
from .processes import Foreign, started
from .relay import Relay

NOTHING = '{"fixtures": []}'


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """Ollama and Gemini, by fixtures that a test gives it."""
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "none.json").write_text(NOTHING)
    node = Environment("node")
    program = node.place / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    with started((node.program("node"), program, "-p", "0", "-f", folder / "none.json"), folder / "log") as server:
        yield server


@pytest.fixture(scope="session")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """Gemini under `/gemini`, by behaviours that a test queues."""
    program = Environment("llmock").program("llmock")
    with started((program, "serve", "--port", "0"), tmp_path_factory.mktemp("llmock") / "log") as server:
        yield server


@pytest.fixture
async def before_aimock(aimock: Foreign) -> AsyncIterator[Relay]:
    async with Relay(aimock.port, chunked=True).running() as made:
        yield made


@pytest.fixture
async def before_llmock(llmock: Foreign) -> AsyncIterator[Relay]:
    async with Relay(llmock.port, chunked=False).running() as made:
        yield made
