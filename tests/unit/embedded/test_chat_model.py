"""The embedded model's states around an engine that is absent or does not load."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.domain.events import ChatEvent, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import EndpointState, Locality

HELLO = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))


def state_of(model: EmbeddedChatModel) -> EndpointState:
    (state,) = model.snapshot()
    return state


async def ask(model: EmbeddedChatModel) -> list[ChatEvent]:
    to = state_of(model).endpoint
    deadline = Deadline(SystemClock().monotonic() + 10)
    return [
        event async for event in flattened(model.events(to, HELLO, grain=Grain.WHOLE, deadline=deadline, headers={}))
    ]


def test_it_is_one_endpoint_on_the_premises(tmp_path: Path) -> None:
    state = state_of(EmbeddedChatModel(tmp_path / "Tiny.Q4_0.gguf", SystemClock(), demonstration=True))
    assert state.endpoint.name == "embedded/tiny"
    assert state.endpoint.locality is Locality.ON_PREMISES
    assert state.demonstration


async def test_it_is_unusable_until_it_is_started(tmp_path: Path) -> None:
    model = EmbeddedChatModel(tmp_path / "absent.gguf", SystemClock())
    assert state_of(model).unusable == "it was not started"
    with pytest.raises(ProviderUnavailable):
        await ask(model)
    await model.aclose()


async def test_a_missing_file_is_named_and_its_folder_is_not(tmp_path: Path) -> None:
    model = EmbeddedChatModel(tmp_path / "absent.gguf", SystemClock())
    model.start()
    assert state_of(model).unusable is None
    with pytest.raises(ProviderUnavailable):
        await ask(model)
    assert state_of(model).unusable == "absent.gguf can't be read"
    await model.aclose()
    assert state_of(model).unusable == "it is closed"


async def test_a_missing_engine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    file = tmp_path / "any.gguf"
    file.write_bytes(b"GGUF")
    model = EmbeddedChatModel(file, SystemClock())
    model.start()
    with pytest.raises(ProviderUnavailable, match="xllamacpp can't be loaded"):
        await ask(model)
    await model.aclose()


async def test_closing_leaves_no_thread_and_no_task(tmp_path: Path) -> None:
    before = threading.active_count()
    model = EmbeddedChatModel(tmp_path / "absent.gguf", SystemClock())
    model.start()
    await model.aclose()
    await model.aclose()
    assert threading.active_count() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
