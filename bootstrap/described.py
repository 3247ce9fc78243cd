"""The effective settings as text, with secrets masked, and where each came from."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import fields

from llm_gateway.domain.clients import DEMO_KEY

from .settings import BucketSettings, Secret, Settings, TokenSettings

_CREDENTIALS = re.compile(r"(?<=//)[^/@]*(?=@)")
_MASK = "***"


def described(settings: Settings, sources: Mapping[str, str]) -> Sequence[str]:
    """A line for each setting: its variable or, where only the TOML has it, its key, its value, and its source."""
    rows = [(name, value, sources.get(name.lower().partition("[")[0], "default")) for name, value in _values(settings)]
    width = max(len(f"{name} = {value}") for name, value, source in rows if source == "default")
    return [f"{f'{name} = {value}'.ljust(width)}  ({source})" for name, value, source in rows]


def _values(settings: Settings) -> Sequence[tuple[str, str]]:
    values: list[tuple[str, str]] = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        match field.name:
            case "demo":
                continue
            case "api_keys" if settings.demo and not value:
                values.append(("API_KEYS", f"{DEMO_KEY}, the demonstration's"))
            case "allowed_hosts":
                values.append(("ALLOWED_HOSTS", ", ".join(sorted(settings.hosts)) if settings.hosts else "any"))
            case "clients" | "endpoints" | "providers" | "models" | "prices":
                values += [(f"{field.name}[{index}]", _words(row)) for index, row in enumerate(value)]
            case "routes":
                values += [(f"routes[{hint}]", _words(names)) for hint, names in value.items()]
            case "aliases":
                values += [(f"aliases[{alias}]", target) for alias, target in value.items()]
            case name:
                values.append((name.upper(), _words(value)))
    return values


def _words(value: object) -> str:
    match value:
        case None | ():
            return "unset"
        case Secret():
            return _MASK
        case BucketSettings():
            reserve = f", {value.reserve} reserved" if isinstance(value, TokenSettings) else ""
            return f"{value.capacity}, refilled by {value.refill_rate:g} a second{reserve}"
        case dict():
            return ", ".join(f"{name} = {target}" for name, target in value.items())
        case tuple():
            return ", ".join(map(_words, value))
        case Struct():
            told = ((field.name, getattr(value, field.name)) for field in fields(value))
            return "; ".join(f"{name} {_words(part)}" for name, part in told if part not in (None, {}))
        case _:
            return _CREDENTIALS.sub(_MASK, str(value))
