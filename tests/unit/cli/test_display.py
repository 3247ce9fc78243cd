"""What turns on a terminal while something is waited for."""

import io
from threading import Event

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.inbound.cli.display import WAITING, Display, Spinner, loading, waiting
from llm_gateway.adapters.inbound.cli.tables import served
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Task

SMALL = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="embedded", model="small-1"), locality=Locality.ON_PREMISES),
    features=frozenset(),
    loading=True,
)
OTHER = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES),
    features=frozenset(),
)


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding)

    @override
    def isatty(self) -> bool:
        return True

    @property
    def seen(self) -> str:
        return self.bytes.getvalue().decode(self.encoding)


@pytest.mark.parametrize(("encoding", "frame"), [("utf-8", "⠋"), ("ascii", "|")])
def test_it_turns_with_what_there_is_to_say_and_clears_its_line(encoding: str, frame: str) -> None:
    said = iter(["Loading small-1", "Waiting"])
    over = Event()

    def say() -> str | None:
        words = next(said, None)
        if words is None:
            over.set()
        return words

    terminal = Terminal(encoding)
    spinner = Spinner(say, terminal, tick_seconds=0.001)
    spinner.start()
    assert over.wait(5)
    spinner.stop()
    spinner.stop()

    first, second, blank, end = terminal.seen.split("\r")[1:]
    assert first == f"{frame} Loading small-1 0.0 s"
    assert second.strip().endswith("Waiting 0.0 s")
    assert len(second) >= len(first)
    assert (blank.strip(), end) == ("", "")


def test_it_is_still_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    spinner = Spinner(lambda: "Waiting", stream, tick_seconds=0.001)
    spinner.start()
    spinner.stop()

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([SMALL], "Loading small-1"),
        ([replace(OTHER, configured=False), SMALL], "Loading small-1"),
        ([replace(OTHER, unusable="away"), SMALL], "Loading small-1"),
        ([replace(OTHER, tasks=frozenset({Task.EMBED})), SMALL], "Loading small-1"),
        ([OTHER, SMALL], None),
        ([replace(SMALL, loading=False)], None),
        ([], None),
    ],
)
def test_a_load_is_told_where_all_wait_for_it(states: list[EndpointState], words: str | None) -> None:
    assert loading(states) == words
    assert waiting(states) == (words or WAITING)


def test_the_names_at_the_end_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display.end("ollama", "\x1b]0;owned\x07small-1", 1, 2, demonstration=False)

    assert capsys.readouterr().err.startswith("ollama, ]0;ownedsmall-1, 1 + 2 tokens, ")


def test_a_demonstration_is_announced_where_there_is_one() -> None:
    demonstration = replace(SMALL, demonstration=True)
    absent = replace(demonstration, configured=False, unusable="not installed")

    assert "\nDemonstration: " in served([demonstration, OTHER], "http://127.0.0.1:8000", None)
    assert "\nDemonstration: " not in served([absent, OTHER], "http://127.0.0.1:8000", None)
