"""Clients that every gateway knows: registered by the command, found by the digest of a key."""

from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from hmac import compare_digest
from importlib.resources import files
from typing import NoReturn, TypeVar

from msgspec import MsgspecError, Struct, json, to_builtins
from typing_extensions import override

from llm_gateway.application.ports.stores import ClientDirectory, ClientRegistry
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.clients import ApiKeyDigest, Client, ClientId, Registration
from llm_gateway.domain.errors import DirectoryUnavailable
from llm_gateway.domain.quota import Reserve

from .client.store import LuaScript, RedisReply, Store, StoreError

VERSION = 1
"""Of the entries' meaning. An entry that can't be read is a directory that can't say, never an unknown key."""
REMEMBERED_SECONDS = 1.0
"""How long an answer is believed, so that a busy key is looked up once a second: a revocation is seen after this."""
STALE_SECONDS = 0.9
"""How much longer a client is believed to be one where the store does not answer: in all, less than two seconds."""
REMEMBERED_KEYS = 4096

REGISTRATIONS = b"llm-gateway:clients:%d:{clients}:registrations" % VERSION
CLIENTS = b"llm-gateway:clients:%d:{clients}:by-key" % VERSION
REPLACE = LuaScript(files(__package__).joinpath("client_registry.lua").read_text(), int)
UNREADABLE = (MsgspecError, TypeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that no gateway wrote."""
_LATER = {"strict": False, "aliases": {}, "reserve": Reserve.LIKELY.value, "settings": {}}
"""What the entries' first version did not have, and what says nothing there."""
_encode = json.Encoder(order="deterministic").encode


class _Holder(Struct, frozen=True):
    """What a digest leads to, with the digest itself, to be compared in constant time."""

    digest: bytes
    client: Client


T = TypeVar("T")
_holders = json.Decoder(_Holder)
_registrations = json.Decoder(Registration)


def _encoded(stored: _Holder | Registration) -> bytes:
    """As it is stored. What came later is left out where it says nothing, so that older entries compare as equal."""
    built = to_builtins(stored, order="deterministic")
    for later, nothing in _LATER.items():
        if built["client"][later] == nothing:
            del built["client"][later]
    return _encode(built)


class RedisClients(ClientDirectory, ClientRegistry):
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: OrderedDict[ApiKeyDigest, tuple[float, Client | None]] = OrderedDict()

    @override
    async def find(self, digest: ApiKeyDigest) -> Client | None:
        until, client = self._remembered.get(digest, (0.0, None))
        asked = self._clock.monotonic()
        if asked < until:
            return client
        try:
            found = await _answer(self._store.call("find", CLIENTS, "HGET", CLIENTS, digest.hex()))
            holder = None if found is None else _decoded(_holders, found)
            client = holder.client if holder and compare_digest(holder.digest, digest) else None
        except DirectoryUnavailable:
            if client is None or self._clock.monotonic() >= until + STALE_SECONDS:
                raise
            return client
        self._remembered[digest] = (asked + REMEMBERED_SECONDS, client)
        self._remembered.move_to_end(digest)
        if len(self._remembered) > REMEMBERED_KEYS:
            self._remembered.popitem(last=False)
        return client

    @override
    async def all(self) -> Sequence[Registration]:
        found = await _answer(self._store.call("list", CLIENTS, "HVALS", REGISTRATIONS))
        return sorted((_decoded(_registrations, one) for one in found), key=lambda one: one.client.id)

    @override
    async def get(self, id: ClientId) -> Registration | None:
        found = await _answer(self._store.call("find", CLIENTS, "HGET", REGISTRATIONS, id))
        return None if found is None else _decoded(_registrations, found)

    @override
    async def replace(self, id: ClientId, old: Registration | None, new: Registration | None) -> bool:
        going = [key.digest.hex() for key in old.keys] if old else []
        coming: list[str | bytes] = []
        if new is not None:
            for key in new.keys:
                coming += (key.digest.hex(), _encoded(_Holder(key.digest, new.client)))
        seen, wanted = (b"" if one is None else _encoded(one) for one in (old, new))
        keys, parts = (REGISTRATIONS, CLIENTS), (id, seen, wanted, len(going), *going, *coming)
        return bool(await _answer(self._store.run("register", REPLACE, keys, *parts)))


async def _answer(asking: Awaitable[RedisReply]) -> RedisReply:
    try:
        return await asking
    except StoreError as error:
        _away(error)


def _decoded(decoder: "json.Decoder[T]", found: bytes) -> T:
    try:
        return decoder.decode(found)
    except UNREADABLE as error:
        _away(error)


def _away(error: Exception) -> NoReturn:
    raise DirectoryUnavailable("The keys can't be looked up at the moment.") from error
