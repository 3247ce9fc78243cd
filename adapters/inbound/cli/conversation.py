"""What is asked: a prompt from the command line or through a pipe, or one after the other from a terminal."""

import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from llm_gateway.domain.errors import GatewayError

from .services import CommandFailed

Ask: TypeAlias = Callable[[Sequence[str]], str]
"""Shows the answer to the last of a user's and an assistant's turns, and gives it."""

MAX_PROMPT_BYTES = 32 << 20
NO_PROMPT = "There is no prompt: give one as an argument, or through a pipe."
RESET = "/reset"


def prompt_of(argument: str | None) -> str | None:
    """The argument with what comes through a pipe after it; None where both are missing at a terminal.

    Raises `CommandFailed` where a pipe has no text, or too much of it.
    """
    if sys.stdin is None or sys.stdin.isatty():
        return argument
    data = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(data) > MAX_PROMPT_BYTES:
        raise CommandFailed([f"The prompt is larger than {MAX_PROMPT_BYTES} bytes."])
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise CommandFailed(["What comes through the pipe is not UTF-8."]) from None
    prompt = "\n\n".join(filter(None, (argument, text)))
    if not prompt:
        raise CommandFailed([NO_PROMPT])
    return prompt


def converse(ask: Ask, prompt: str | None) -> None:
    """Asks the prompt, or what is typed until the end of the input, each with all that was said before.

    What fails in a conversation, or is interrupted, is told and not kept of it.
    """
    if prompt is not None:
        ask([prompt])
        return
    print(f"Ctrl-D ends the conversation, {RESET} begins a new one.", file=sys.stderr)
    turns: list[str] = []
    while (line := _line()) is not None:
        if line == RESET:
            turns.clear()
        elif line:
            turns += _turn(ask, [*turns, line])


def _turn(ask: Ask, turns: Sequence[str]) -> Sequence[str]:
    """The question and its answer; nothing where there was none."""
    try:
        answer = ask(turns)
    except CommandFailed as failed:
        print("\n".join(failed.lines), file=sys.stderr)
    except GatewayError as error:
        print(error.message, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    else:
        return (turns[-1], answer) if answer else ()
    return ()


def _line() -> str | None:
    """What is typed next; None at the end."""
    try:
        return input("> ").strip()
    except EOFError:
        print(file=sys.stderr)
        return None
