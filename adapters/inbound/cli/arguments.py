"""The command line's arguments, and what they are read as."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from llm_gateway.domain.routing import Hint

KEY_VARIABLE = "LLM_GATEWAY_API_KEY"
"""Whose value is the key that `chat` gives a running gateway: what stands on a command line, others can read."""
FLAGS = ("host", "port", "workers")
"""Settings that stand on the command line too."""

_HINTS = tuple(hint.value for hint in Hint)
_LISTS = ("--hints", "--models")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits with code 2 and a line for what can't be read."""
    return _parser().parse_args([*_joined(arguments)] if list(arguments[:2]) == ["keys", "create"] else arguments)


def flags_of(parsed: argparse.Namespace) -> dict[str, str]:
    """The settings that were given on the command line."""
    return {name: value for name in FLAGS if (value := getattr(parsed, name, None)) is not None}


def _joined(arguments: Sequence[str]) -> Iterator[str]:
    """`--hints local fast NAME` as `--hints=local,fast NAME`: argparse would take the name for one more of the list.

    Where no name stands before, the list of hints ends at what is no hint, and that of models after the first.
    """
    named = not arguments[2:3] or not arguments[2].startswith("-")
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        values: list[str] = []
        while argument in _LISTS and rest and not rest[0].startswith("-"):
            if values and not named and (argument == "--models" or rest[0] not in _HINTS):
                break
            values.append(rest.pop(0))
        yield f"{argument}={','.join(values)}" if values else argument


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llm-gateway", description="One door to many language models.")
    parser.add_argument("--version", action="store_true", help="show the version, and do nothing else")
    commands = parser.add_subparsers(dest="command", required=True)
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, help="a TOML file; default: llm-gateway.toml, if there is one")
    configured.add_argument("--demo", action="store_true", help="answer with the embedded demonstration model")
    listening = argparse.ArgumentParser(add_help=False)
    over = "in the place of the variable {}, of .env and of the TOML"
    listening.add_argument("--host", help=f"address to listen on, {over.format('HOST')}")
    listening.add_argument("--port", help=f"port to listen on, {over.format('PORT')}")
    listening.add_argument("--workers", metavar="NUMBER", help=f"processes, {over.format('WORKERS')}")
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("prompt", nargs="?", help="what comes through a pipe is the prompt, or is added to it")
    asking.add_argument("--hint", choices=_HINTS)
    asking.add_argument("--model", help="an alias, a provider, a model or provider/model")

    commands.add_parser("serve", parents=[configured, listening], help="run the gateway")
    check = commands.add_parser("check", parents=[configured, listening], help="check the configuration, and show it")
    check.add_argument("--probe", action="store_true", help="ask the configured servers a little, which costs tokens")
    chat = commands.add_parser(
        "chat",
        parents=[configured, asking],
        help="ask, here or a running gateway; a conversation where a terminal has no prompt",
    )
    chat.add_argument("--server", metavar="URL", help="a running gateway; without it this process answers")
    chat.add_argument(
        "--key", help=f"for --server, better in the variable {KEY_VARIABLE}; default: the demonstration's"
    )
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
    create.add_argument(
        "--hints", action="extend", type=_hints, metavar="HINT,…", help=f"of {', '.join(_HINTS)}; default: any"
    )
    create.add_argument(
        "--models",
        action="extend",
        type=_list,
        metavar="MODEL,…",
        help="providers, models, provider/models; default: any",
    )
    create.add_argument("--namespace", help="clients of one namespace share cached answers; default: the client's own")
    create.add_argument("--strict", action="store_true", help="refused where a field would have no effect")
    create.add_argument(
        "--alias", action="append", default=[], metavar="NAME=MODEL", help="a name of its own for a model; repeatable"
    )
    actions.add_parser("list", parents=[configured], help="show the registered clients and their keys")
    actions.add_parser("rotate", parents=[named], help="make a new key; the one before lives on beside it")
    revoke = actions.add_parser("revoke", parents=[named], help="end a client, or one of its keys")
    revoke.add_argument("--key", metavar="DIGEST", help="only the key whose digest begins so, as `list` shows it")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _hints(text: str) -> list[str]:
    for hint in _list(text):
        if hint not in _HINTS:
            raise argparse.ArgumentTypeError(f"invalid choice: {hint} (choose from {', '.join(_HINTS)})")
    return _list(text)
