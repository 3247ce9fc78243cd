"""What is typed or piped as a prompt, without a terminal or a process."""

import io
from collections.abc import Callable, Iterator, Sequence

import pytest

from llm_gateway.adapters.inbound.cli import conversation
from llm_gateway.adapters.inbound.cli.conversation import converse, prompt_of
from llm_gateway.adapters.inbound.cli.services import CommandFailed
from llm_gateway.domain.errors import NoRoute


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def types(*lines: str) -> None:
        told: Iterator[str] = iter(lines)

        def read(_: str) -> str:
            try:
                return next(told)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", read)

    return types


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    return lambda data: monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_each_turn_is_asked_with_those_before(typed: Callable[..., None]) -> None:
    asked: list[Sequence[str]] = []
    typed("One", "  ", "Two", "/reset", "Three")

    def ask(turns: Sequence[str]) -> str:
        asked.append([*turns])
        return f"to {turns[-1]}"

    converse(ask, None)

    assert asked == [["One"], ["One", "to One", "Two"], ["Three"]]


def test_a_prompt_is_one_question(typed: Callable[..., None]) -> None:
    asked: list[Sequence[str]] = []
    typed("Never read")

    def ask(turns: Sequence[str]) -> str:
        asked.append(turns)
        return ""

    converse(ask, "One")

    assert asked == [["One"]]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (CommandFailed(["It is", "not there."]), "It is\nnot there."),
        (NoRoute({}), NoRoute({}).message),
        (KeyboardInterrupt(), "Interrupted."),
    ],
)
def test_a_turn_that_failed_is_told_and_dropped(
    typed: Callable[..., None], capsys: pytest.CaptureFixture[str], failure: BaseException, told: str
) -> None:
    asked: list[Sequence[str]] = []
    typed("One", "Two")

    def ask(turns: Sequence[str]) -> str:
        asked.append([*turns])
        if turns[-1] == "One":
            raise failure
        return "Well."

    converse(ask, None)

    assert asked == [["One"], ["Two"]]
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "argument", "prompt"),
    [
        (b" Hello\n", None, "Hello"),
        (b"\xef\xbb\xbfHello", None, "Hello"),
        (b"a text", "Shorten:", "Shorten:\n\na text"),
        (b"", "Hello", "Hello"),
    ],
)
def test_a_pipe_is_the_prompt_or_added_to_it(
    piped: Callable[[bytes], None], data: bytes, argument: str | None, prompt: str
) -> None:
    piped(data)
    assert prompt_of(argument) == prompt


@pytest.mark.parametrize(("data", "why"), [(b" \n", "no prompt"), (b"\xff", "not UTF-8"), (b"x" * 9, "larger")])
def test_a_pipe_without_a_prompt_is_told(
    piped: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch, data: bytes, why: str
) -> None:
    monkeypatch.setattr(conversation, "MAX_PROMPT_BYTES", 8)
    piped(data)
    with pytest.raises(CommandFailed, match=why):
        prompt_of(None)


def test_without_standard_input_the_argument_is_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert prompt_of("Hello") == "Hello"
    assert prompt_of(None) is None
