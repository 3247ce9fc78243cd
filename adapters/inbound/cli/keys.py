"""Makes client keys, and manages the clients that are kept in Redis."""

import re
import secrets
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.domain.clients import NAME, Client, ClientId, RegisteredKey, Registration, digest_of
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.routing import Hint, is_name

from .tables import columns

_BUCKET = re.compile(r"([0-9]{1,10})/([0-9]{1,10}(?:\.[0-9]{1,6})?)")
_PREFIX = "registered:"
"""Before the name in the client's id: never the id of a client in the settings, whose names have no colon."""


def new_key() -> str:
    """A key of 256 random bits, and its digest, which is all that a gateway needs to know."""
    key = _secret()
    told = "Give the key to the client; set API_KEYS to the key or, better, to its digest."
    return f"{_key_and_digest(key)}\n\n{told}"


async def manage(opened: AbstractAsyncContextManager[ManageClients], action: str, parsed: Namespace) -> str:
    """Does what `parsed` says, and tells it. Raises `InvalidRequest` and `DirectoryUnavailable`."""
    async with opened as clients:
        return await _ACTIONS[action](clients, parsed)


async def _create(clients: ManageClients, parsed: Namespace) -> str:
    key = _secret()
    await clients.create(_client(parsed), digest_of(key))
    told = "Give the key to the client. It is shown this once, and works everywhere within 2 seconds."
    return f"{_key_and_digest(key)}\n\n{told}"


async def _list(clients: ManageClients, _: Namespace) -> str:
    rows = [row for registration in await clients.all() for row in _rows(registration)]
    header = (
        "client",
        "key",
        "made",
        "requests",
        "tokens",
        "concurrency",
        "hints",
        "models",
        "namespace",
        "strict",
        "aliases",
    )
    return columns([header, *rows]) if rows else "No client is registered."


async def _rotate(clients: ManageClients, parsed: Namespace) -> str:
    key = _secret()
    registration = await clients.rotate(_id(parsed.name), digest_of(key))
    lives = "".join(
        f"\nThe key {old.name} lives on until it is revoked, or the next rotation." for old in registration.keys[1:]
    )
    return f"{_key_and_digest(key)}\n{lives}"


async def _revoke(clients: ManageClients, parsed: Namespace) -> str:
    ended = await clients.revoke(_id(parsed.name), parsed.key)
    return f"Revoked, everywhere within 2 seconds: {', '.join(key.name for key in ended)}"


_ACTIONS: dict[str, Callable[[ManageClients, Namespace], Awaitable[str]]] = {
    "create": _create,
    "list": _list,
    "rotate": _rotate,
    "revoke": _revoke,
}


def _secret() -> str:
    return f"sk-gateway-{secrets.token_urlsafe(32)}"


def _key_and_digest(key: str) -> str:
    return f"key     {key}\ndigest  sha256:{digest_of(key).hex()}"


def _client(parsed: Namespace) -> Client:
    id = _id(parsed.name)
    return Client(
        id=id,
        namespace=_name("--namespace", parsed.namespace) if parsed.namespace else id,
        quota=Quota(
            requests=_bucket("--requests", parsed.requests),
            tokens=_bucket("--tokens", parsed.tokens),
            concurrency=parsed.concurrency,
        ),
        hints=None if parsed.hints is None else frozenset(Hint(hint) for hint in parsed.hints),
        models=None if parsed.models is None else frozenset(parsed.models),
        strict=parsed.strict,
        aliases=_aliases(parsed.alias),
    )


def _aliases(texts: Sequence[str]) -> dict[str, str]:
    aliases = dict(text.split("=", 1) for text in texts if "=" in text)
    for text in texts:
        name, _, target = text.partition("=")
        if not is_name(name) or not is_name(target) or name in frozenset(Hint) or target in aliases:
            raise InvalidRequest.at(
                "--alias", "is NAME=MODEL, such as gpt-4o-mini=local; NAME is no hint, MODEL no alias"
            )
    return aliases


def _id(name: str) -> ClientId:
    return ClientId(_PREFIX + _name("name", name))


def _name(field: str, text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise InvalidRequest.at(
            field, "up to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
        )
    return text


def _bucket(field: str, text: str | None) -> Bucket | None:
    if text is None:
        return None
    parts = _BUCKET.fullmatch(text)
    if parts is None:
        raise InvalidRequest.at(field, "is CAPACITY/RATE, such as 60/1.5: so many at once, and so many more a second")
    try:
        return Bucket.of(int(parts[1]), float(parts[2]))
    except ValueError as error:
        raise InvalidRequest.at(field, str(error)) from None


def _rows(registration: Registration) -> Sequence[Sequence[str]]:
    client = registration.client
    quota = client.quota
    permitted = (
        _limit(quota.requests),
        _limit(quota.tokens),
        "any" if quota.concurrency is None else str(quota.concurrency),
        "any" if client.hints is None else ",".join(sorted(client.hints)),
        "any" if client.models is None else ",".join(sorted(client.models)),
        client.namespace.removeprefix(_PREFIX),
        "yes" if client.strict else "no",
        ",".join(f"{name}={target}" for name, target in sorted(client.aliases.items())) or "none",
    )
    return [(client.id.removeprefix(_PREFIX), key.name, _made(key), *permitted) for key in registration.keys]


def _limit(bucket: Bucket | None) -> str:
    return "any" if bucket is None else f"{bucket.capacity}/{bucket.micros_per_second / 1_000_000:g}"


def _made(key: RegisteredKey) -> str:
    return datetime.fromtimestamp(key.created, UTC).strftime("%Y-%m-%d %H:%M")
