"""Reads the arguments, runs the command, and gives its exit code: 0, or 1 with a line for each reason."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.routing import Hint

from .chat import chat_here, explain_here, local_call
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
    parsed = _parser().parse_args(arguments)
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
    settings = services.load(parsed.config, demo=parsed.demo, serving=True)
    key = services.demo_key(settings)

    def announce(endpoints: EndpointDirectory, address: str) -> None:
        print(served(endpoints.snapshot(), address, key), flush=True)
        Spinner(lambda: loading(endpoints.snapshot()), sys.stderr).start()

    services.serve(settings, announce)


def _check(parsed: argparse.Namespace, services: Services[T]) -> None:
    settings = services.load(parsed.config, demo=parsed.demo, serving=True)
    for line in services.describe(settings):
        print(line)
    if parsed.probe and not asyncio.run(services.probe(settings, lambda line: print(line, flush=True))):
        raise CommandFailed(["A configured provider can't answer, or a store can't be used."])


def _chat(parsed: argparse.Namespace, services: Services[T]) -> None:
    if parsed.server is not None:
        from .remote import chat_with_server  # here, because a server has no use for what it imports

        chat_with_server(parsed.server, parsed.key, parsed.prompt, hint=parsed.hint, model=parsed.model)
        return
    settings = services.load(parsed.config, demo=parsed.demo, serving=False)
    call = local_call(parsed.prompt, hint=parsed.hint, model=parsed.model)
    asyncio.run(chat_here(services.open_gateway(settings), call))


def _explain(parsed: argparse.Namespace, services: Services[T]) -> None:
    settings = services.load(parsed.config, demo=parsed.demo, serving=False)
    call = local_call(parsed.prompt, hint=parsed.hint, model=parsed.model)
    print(explanation_table(asyncio.run(explain_here(services.open_gateway(settings), call))))


def _keys(parsed: argparse.Namespace, services: Services[T]) -> None:
    if parsed.action == "new":
        print(new_key())
        return
    settings = services.load(parsed.config, demo=False, serving=False)
    print(asyncio.run(manage(services.open_clients(settings), parsed.action, parsed)))


_COMMANDS = {"serve": _serve, "check": _check, "chat": _chat, "explain": _explain, "keys": _keys}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llm-gateway", description="One door to many language models.")
    parser.add_argument("--version", action="store_true", help="show the version, and do nothing else")
    commands = parser.add_subparsers(dest="command", required=True)
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, help="a TOML file; default: llm-gateway.toml, if there is one")
    configured.add_argument("--demo", action="store_true", help="answer with the embedded demonstration model")
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("prompt")
    asking.add_argument("--hint", choices=[hint.value for hint in Hint])
    asking.add_argument("--model", help="a provider, a model or provider/model")

    commands.add_parser("serve", parents=[configured], help="run the gateway")
    check = commands.add_parser("check", parents=[configured], help="check the configuration, and show it")
    check.add_argument("--probe", action="store_true", help="ask the configured servers a little, which costs tokens")
    chat = commands.add_parser("chat", parents=[configured, asking], help="ask, here or a running gateway")
    chat.add_argument("--server", metavar="URL", help="a running gateway; without it this process answers")
    chat.add_argument("--key", help="the key for --server; default: the demonstration's")
    commands.add_parser("explain", parents=[configured, asking], help="show where a chat would go")
    _add_keys(commands.add_parser("keys", help="make client keys, and manage the clients that are kept in Redis"))
    return parser


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("new", help="make a key for API_KEYS, and its digest")
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, help="a TOML file; default: llm-gateway.toml, if there is one")
    named = argparse.ArgumentParser(add_help=False, parents=[configured])
    named.add_argument("name", help="the client's name")
    create = actions.add_parser("create", parents=[named], help="register a client, and make its key")
    create.add_argument("--requests", metavar="CAPACITY/RATE", help="at once, and a second; default: RATE_LIMITER_*")
    create.add_argument("--tokens", metavar="CAPACITY/RATE", help="at once, and a second; default: no limit")
    create.add_argument("--concurrency", type=_positive, help="answers under way; default: no limit")
    create.add_argument("--hints", nargs="+", choices=[hint.value for hint in Hint], help="default: any")
    create.add_argument("--models", nargs="+", metavar="MODEL", help="providers, models, provider/models; default: any")
    create.add_argument("--namespace", help="clients of one namespace share cached answers; default: the client's own")
    create.add_argument("--strict", action="store_true", help="refused where a field would have no effect")
    actions.add_parser("list", parents=[configured], help="show the registered clients and their keys")
    actions.add_parser("rotate", parents=[named], help="make a new key; the one before lives on beside it")
    revoke = actions.add_parser("revoke", parents=[named], help="end a client, or one of its keys")
    revoke.add_argument("--key", metavar="DIGEST", help="only the key whose digest begins so, as `list` shows it")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
