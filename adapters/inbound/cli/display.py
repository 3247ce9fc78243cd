"""An answer as it is shown: its text on standard output, all else on standard error."""

import re
import sys
from collections.abc import Callable, Iterable
from threading import Event, Thread
from time import perf_counter
from types import TracebackType
from typing import Self, TextIO

from llm_gateway.domain.routing import EndpointState, Task

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
WAITING = "Waiting for the first word"


class Spinner:
    """A line that says what is waited for, and for how long; on a terminal only.

    `say` is asked at every tick, on a thread of its own; None ends it.
    """

    def __init__(self, say: Callable[[], str | None], stream: TextIO, *, tick_seconds: float = 0.1) -> None:
        self._say = say
        self._stream = stream
        self._tick_seconds = tick_seconds
        self._stopped = Event()
        self._thread = Thread(target=self._turn, name="spinner") if stream.isatty() else None

    def start(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Leaves an empty line. Again: nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()

    def _turn(self) -> None:
        began = perf_counter()
        frames = _frames(self._stream)
        shown = 0
        turn = 0
        while not self._stopped.wait(self._tick_seconds) and (words := self._say()) is not None:
            line = f"{frames[turn % len(frames)]} {words} {perf_counter() - began:.1f} s"
            self._write(line.ljust(shown))
            shown = len(line)
            turn += 1
        self._write(" " * shown + "\r" if shown else "")

    def _write(self, line: str) -> None:
        self._stream.write(f"\r{line}" if line else "")
        self._stream.flush()


class Display:
    """One answer. Once it is entered a spinner turns, until the first text; leaving always ends the line."""

    def __init__(self, begins_with: str = WAITING) -> None:
        self._began = perf_counter()
        self._say: Callable[[], str] = lambda: begins_with
        self._spinner = Spinner(lambda: self._say(), sys.stderr)
        self._open_line = False
        self._texts: list[str] = []

    @property
    def shown(self) -> str:
        """All the text so far, as the model gave it."""
        return "".join(self._texts)

    def __enter__(self) -> Self:
        self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spinner.stop()
        if self._open_line and not isinstance(error, BrokenPipeError):
            print(flush=True)

    def waits_for(self, say: Callable[[], str]) -> None:
        self._say = say

    def text(self, text: str) -> None:
        """A model's text can't steer a terminal; into a pipe or a file they go as they are."""
        if text:
            self._texts.append(text)
            self._spinner.stop()
            self._open_line = True
            print(_CONTROLS.sub("", text) if sys.stdout.isatty() else text, end="", flush=True)

    def end(
        self, provider: str, model: str, prompt_tokens: int, completion_tokens: int, *, demonstration: bool
    ) -> None:
        self._spinner.stop()
        print(flush=True)
        self._open_line = False
        named = _CONTROLS.sub("", f"{provider}, {model}")  # the server's words, like the text
        words = f"{named}, {prompt_tokens} + {completion_tokens} tokens, {perf_counter() - self._began:.1f} s"
        print(f"{words} (demonstration)" if demonstration else words, file=sys.stderr)


def loading(states: Iterable[EndpointState]) -> str | None:
    """What to say where all that could answer a chat is still being loaded."""
    usable = [state for state in states if state.configured and state.unusable is None and Task.CHAT in state.tasks]
    return f"Loading {usable[0].endpoint.id.model}" if usable and all(state.loading for state in usable) else None


def waiting(states: Iterable[EndpointState]) -> str:
    return loading(states) or WAITING


def _frames(stream: TextIO) -> str:
    try:
        "⠋".encode(stream.encoding)
    except UnicodeEncodeError:
        return "|/-\\"
    return "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
