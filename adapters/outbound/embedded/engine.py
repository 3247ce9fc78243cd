"""The llama.cpp engine behind xllamacpp: loads one model file and answers one request at a time, blocking.

The engine insists on serving HTTP beside its functions. Where the system has Unix sockets it gets one whose name is
removed as soon as the model is loaded, so that it can't be reached and no port is opened; elsewhere a free port on the
loopback address. Either way it asks for a secret key, and its views of the prompts are off. It logs
nothing of its own.
"""

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, TypeAlias

from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRejected, ProviderUnavailable

from .limits import BATCH_TOKENS, CONTEXT_LENGTH, PROVIDER

EngineChunk: TypeAlias = dict[str, Any]
_READ_BYTES = 1 << 20


class LoadFailed(Exception):
    """The model can't be loaded; the message may be shown."""


class Engine:
    """One model. `load`, `generate` and `close` block, and are called from one thread, one after the other."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._server: Any = None

    def load(self) -> None:
        """Raises `LoadFailed`."""
        try:
            _read_through(self._file)
        except OSError:
            raise LoadFailed(f"{self._file.name} can't be read") from None
        xllamacpp = _imported()
        try:
            with tempfile.TemporaryDirectory(prefix="llm-gateway-", ignore_cleanup_errors=True) as folder:
                self._server = xllamacpp.Server(self._parameters(xllamacpp, folder))
            # The first call is the slowest. Unlike the engine's own warming up, this one lets other threads run.
            self.generate(_body("Hi"), lambda chunk: False)
        except (RuntimeError, ValueError, OSError, ProviderError):
            self.close()
            raise LoadFailed(f"the engine can't load {self._file.name}") from None

    def generate(self, body: dict[str, Any], take: Callable[[EngineChunk], bool]) -> None:
        """Ask, and hand each chunk to `take` until it returns True or there are no more. `take` never raises."""
        if self._server is None:
            raise ProviderUnavailable(PROVIDER, "the model is not loaded")
        try:
            self._server.handle_chat_completions(body, take)
        # Without the cause: the engine's messages quote the prompt, and a traceback would carry them into a log.
        except ValueError:
            raise ProviderRejected(PROVIDER, "the engine refused the request") from None
        except RuntimeError:
            raise ProviderBroken(PROVIDER, "the engine failed") from None

    def close(self) -> None:
        """Free the model; in any state, also again."""
        if self._server is not None:
            # The destructor waits, under the interpreter's lock, for the step that the engine is at. A prompt that is
            # refused for its length is answered right after that step, and waits for it without the lock.
            self.generate(_body("word " * CONTEXT_LENGTH), lambda chunk: False)
            self._server = None

    def _parameters(self, xllamacpp: Any, folder: str) -> Any:
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(self._file)
        parameters.model_alias = {self._name}
        parameters.n_ctx = CONTEXT_LENGTH
        parameters.n_parallel = 1
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_gpu_layers = 0
        # More threads are slower where a neighbour is busy.
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        parameters.n_threads_http = 1
        # Loading holds the interpreter's lock, so all is left out that can be left out or done later.
        parameters.warmup = parameters.fit_params = False
        parameters.cache_ram_mib = 0  # keeps finished prompts in memory
        parameters.prefill_assistant = False  # would continue the last message where it is the assistant's
        parameters.verbosity = 0
        parameters.endpoint_slots = parameters.endpoint_props = parameters.ui = False
        parameters.api_keys = [token_urlsafe(32)]
        parameters.hostnames = [str(Path(folder, "engine.sock")) if os.name == "posix" else "127.0.0.1"]
        parameters.port = 0
        return parameters


def engine_fault() -> str | None:
    """What this machine lacks for the engine; None where nothing is missing."""
    try:
        _imported()
    except LoadFailed as failed:
        return str(failed)
    return None


def _imported() -> Any:
    try:
        return import_module("xllamacpp")
    except ImportError as error:
        raise LoadFailed(f"xllamacpp can't be loaded: {error}") from None  # names what this machine lacks


def _body(prompt: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}], "max_tokens": 1, "stream": True}


def _read_through(file: Path) -> None:
    """Bring the file into the system's cache, while other threads run: the engine would read it under the lock."""
    with file.open("rb", buffering=0) as opened:
        buffer = bytearray(_READ_BYTES)
        while opened.readinto(buffer):
            pass
