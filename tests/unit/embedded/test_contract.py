"""The embedded model keeps the contract of a chat model, on an engine that does what a test says."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.routing import Endpoint
from llm_gateway.testing import ChatModelContract, Vendor

Take: TypeAlias = Callable[[dict[str, Any]], bool]


def said(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}]}


END = {"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
PROGRESS: dict[str, Any] = {"choices": []}


class Engine:
    """Stands for the library and its server, on the thread of each model that is made of it."""

    def __init__(self) -> None:
        self.vendor = Vendor.ANSWERS
        self.open = 0
        self.held = threading.Event()
        self.ready = threading.Event()

    def CommonParams(self) -> Any:
        return SimpleNamespace(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())

    def Server(self, _: object) -> "Engine":
        return self

    def handle_chat_completions(self, body: dict[str, Any], take: Take) -> None:
        if body["max_tokens"] == 1:  # to warm up, and to close
            self.ready.set()
            return
        self.open += 1
        try:
            self._answer(take)
        finally:
            self.open -= 1

    def _answer(self, take: Take) -> None:
        match self.vendor:
            case Vendor.ANSWERS:
                any(take(chunk) for chunk in (said("Once "), said("upon"), END))
            case Vendor.CUTS_OFF:
                take(said("Once "))
            case Vendor.FAILS:
                raise RuntimeError("out of memory")
            case Vendor.STAYS_SILENT:
                self._hold(take)
            case Vendor.STALLS:
                take(said("Once "))
                self._hold(take)

    def _hold(self, take: Take) -> None:
        """As the library: it can be stopped at its reports of progress only."""
        self.held.set()
        while not take(PROGRESS):
            time.sleep(0.001)


class TestChatModel(ChatModelContract):
    patience = 60.0

    @pytest.fixture(autouse=True)
    async def _engine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[None]:
        self.engine = Engine()
        self.file = tmp_path / "Tiny.Q4_0.gguf"
        self.file.write_bytes(b"GGUF")
        self.models: list[EmbeddedChatModel] = []
        monkeypatch.setitem(sys.modules, "xllamacpp", self.engine)
        yield
        for model in self.models:
            await model.aclose()

    @cached_property
    @override
    def endpoint(self) -> Endpoint:
        (state,) = EmbeddedChatModel(self.file, self.clock).snapshot()
        return state.endpoint

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.engine.vendor = vendor
        model = EmbeddedChatModel(self.file, self.clock)
        self.models.append(model)
        model.start()
        assert self.engine.ready.wait(5)
        return model

    @override
    async def open_calls(self) -> int:
        async with asyncio.timeout(5):
            while self.engine.open:  # noqa: ASYNC110 - the engine's thread tells nobody
                await asyncio.sleep(0.001)
        return self.engine.open

    @override
    async def advance(self, seconds: float) -> None:
        """Not before the engine's thread, which no clock holds, has come as far as it will."""
        async with asyncio.timeout(5):
            while not self.engine.held.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await super().advance(seconds)
