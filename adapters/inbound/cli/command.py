"""Runs the command that the arguments name, and gives its exit code: 0, or 1 with a line for each reason."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.errors import GatewayError

from .arguments import KEY_VARIABLE, flags_of, parse
from .chat import asking_here, explain_here, local_call
from .conversation import NO_PROMPT, converse, prompt_of
from .display import Spinner, loading
from .keys import manage, new_key
from .services import CommandFailed, Services
from .tables import explanation_table, served

T = TypeVar("T")
_FAILED = 1
_INTERRUPTED = 130


def run(arguments: Sequence[str], services: Services[T]) -> int:
    if list(arguments) == ["--version"]:
        print(f"llm-gateway {services.version()}")
        return 0
    parsed = parse(arguments)
    try:
        _COMMANDS[parsed.command](parsed, services)
    except CommandFailed as failed:
        for line in failed.lines:
            print(line, file=sys.stderr)
        return _FAILED
    except GatewayError as error:
        print(error.message, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit flushes into it once more
        return _FAILED
    return 0


def _serve(parsed: argparse.Namespace, services: Services[T]) -> None:
    settings = services.load(parsed.config, demo=parsed.demo, serving=True, flags=flags_of(parsed))
    key = services.demo_key(settings)

    def announce(endpoints: EndpointDirectory, address: str) -> None:
        print(served(endpoints.snapshot(), address, key), flush=True)
        Spinner(lambda: loading(endpoints.snapshot()), sys.stderr).start()

    services.serve(settings, announce)


def _check(parsed: argparse.Namespace, services: Services[T]) -> None:
    settings = services.load(parsed.config, demo=parsed.demo, serving=True, flags=flags_of(parsed))
    for line in services.describe(settings):
        print(line)
    if parsed.probe and not asyncio.run(services.probe(settings, lambda line: print(line, flush=True))):
        raise CommandFailed(["A configured provider can't answer, or a store can't be used."])


def _chat(parsed: argparse.Namespace, services: Services[T]) -> None:
    prompt = prompt_of(parsed.prompt)
    if parsed.server is not None:
        from .remote import chat_with_server  # here, because a server has no use for what it imports

        key = parsed.key or services.variable(KEY_VARIABLE)
        converse(partial(chat_with_server, parsed.server, key, hint=parsed.hint, model=parsed.model), prompt)
        return
    settings = services.load(parsed.config, demo=parsed.demo, serving=False)
    with asking_here(services.open_gateway(settings), hint=parsed.hint, model=parsed.model) as ask:
        converse(ask, prompt)


def _explain(parsed: argparse.Namespace, services: Services[T]) -> None:
    prompt = prompt_of(parsed.prompt)
    if prompt is None:
        raise CommandFailed([NO_PROMPT])
    settings = services.load(parsed.config, demo=parsed.demo, serving=False)
    call = local_call([prompt], hint=parsed.hint, model=parsed.model)
    print(explanation_table(asyncio.run(explain_here(services.open_gateway(settings), call))))


def _keys(parsed: argparse.Namespace, services: Services[T]) -> None:
    if parsed.action == "new":
        print(new_key())
        return
    settings = services.load(parsed.config, demo=False, serving=False)
    print(asyncio.run(manage(services.open_clients(settings), parsed.action, parsed)))


_COMMANDS = {"serve": _serve, "check": _check, "chat": _chat, "explain": _explain, "keys": _keys}
