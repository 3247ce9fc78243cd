"""A Cluster: which server has a key's slot, learnt from any of them and again whenever one says that it moved."""

import asyncio
from binascii import crc_hqx
from collections.abc import Iterable, Sequence

from llm_gateway.application.ports.system import Clock

from .address import Address, Node
from .command_pipe import RedisReply, packed
from .failures import StoreAway, StoreError, StoreRefused
from .server import CALL_SECONDS, LOOK_UP_SECONDS, TRIAL_KEY, TRIAL_SECONDS, RedisServer

SLOTS = 16_384
RELEARN_SECONDS = 1.0
"""How often the map is asked for at most."""
TRIAL_KEYS = 64
_MAX_HOPS = 4
_CLUSTER_SLOTS = packed("CLUSTER", "SLOTS")


def slot_of(key: bytes) -> int:
    """Of the part in braces, where there is one: keys with the same part are on the same server."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1) if start >= 0 else -1
    tag = key[start + 1 : end] if end > start + 1 else key
    return crc_hqx(tag, 0) % SLOTS


class Cluster:
    """Used like one `RedisServer`."""

    def __init__(
        self, address: Address, clock: Clock, patience: float = CALL_SECONDS, look_up: float = LOOK_UP_SECONDS
    ) -> None:
        self._address = address
        self._clock = clock
        self._patience = patience
        self._look_up = look_up
        self._servers: dict[Node, RedisServer] = {}
        for node in address.nodes:
            self._server(node)
        self._seeds = frozenset(address.nodes)
        self._slots: list[RedisServer] = []
        self._learning: asyncio.Task[None] | None = None
        self._learnt_at = -RELEARN_SECONDS

    def servers(self) -> Sequence[RedisServer]:
        """Those that keys are on."""
        return tuple(dict.fromkeys(self._slots)) or tuple(self._servers.values())

    async def trials(self) -> Sequence[bytes]:
        """Keys to try every server with, where its slots are not too few to have one of these. Raises `StoreAway`."""
        if not self._slots:
            await self._first_map(TRIAL_SECONDS)
        keys = (b"%b:{%d}" % (TRIAL_KEY, number) for number in range(TRIAL_KEYS))
        return list({self._slots[slot_of(key)]: key for key in keys}.values())

    async def call(self, key: bytes, command: bytes, quick: bool = False) -> RedisReply:
        """Raises `StoreAway` or `StoreRefused`."""
        if not self._slots:
            await self._first_map(self._look_up if quick else self._patience)
        server, asking = self._slots[slot_of(key)], False
        for _ in range(_MAX_HOPS):
            try:
                return await server.call(key, command, quick, asking=asking)
            except StoreAway:
                self._learn()  # a replica may have been promoted
                raise
            except StoreRefused as error:  # nothing was done where one of these is said
                if error.code not in ("MOVED", "ASK"):
                    raise
                server, asking = self._server(_target(error, server.node)), error.code == "ASK"
                if not asking:
                    self._learn()
        raise StoreAway("the Cluster sends this key around")

    def start(self, key: bytes, command: bytes, quick: bool = False) -> "asyncio.Future[RedisReply]":
        """The same, begun in a task, as a server may send it on to another. The reply may be left unread."""
        return asyncio.create_task(self.call(key, command, quick))

    async def aclose(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait((self._learning,))
        for server in self._servers.values():
            await server.aclose()

    async def _first_map(self, seconds: float) -> None:
        learning = self._learn()
        if learning is not None:
            await asyncio.wait((learning,), timeout=seconds)
        if not self._slots:
            raise StoreAway("the Cluster's slots are not known")

    def _learn(self) -> "asyncio.Task[None] | None":
        now = self._clock.monotonic()
        if self._learning is None and now - self._learnt_at >= RELEARN_SECONDS:
            self._learnt_at = now
            self._learning = asyncio.create_task(self._ask_for_map())
            self._learning.add_done_callback(self._learnt)
        return self._learning

    def _learnt(self, task: "asyncio.Task[None]") -> None:
        self._learning = None
        if not task.cancelled():
            task.exception()  # whoever waited sees that there is no map

    async def _ask_for_map(self) -> None:
        for server in tuple(self._servers.values()):
            try:
                rows = await server.call(b"", _CLUSTER_SLOTS, quick=True)
            except StoreError:
                continue
            slots = self._read_map(rows, server.node)
            if slots is not None:
                self._slots = slots
                await self._forget_servers()
                return

    def _read_map(self, rows: Iterable[Sequence[RedisReply]], asked: Node) -> list[RedisServer] | None:
        """A server for each slot; None where a slot has none, because such a map would hide a better one."""
        slots: list[RedisServer | None] = [None] * SLOTS
        for first, last, main, *_ in rows:
            node = Node((main[0] or b"").decode() or asked.host, main[1])
            slots[first : last + 1] = [self._server(node)] * (last + 1 - first)
        whole = [server for server in slots if server is not None]
        return whole if len(whole) == SLOTS else None

    def _server(self, node: Node) -> RedisServer:
        server = self._servers.get(node)
        if server is None:
            server = self._servers[node] = RedisServer(
                node, self._address, self._clock, self._patience, look_up=self._look_up
            )
        return server

    async def _forget_servers(self) -> None:
        """Those that the map no longer names, and the URL never did."""
        named = {server.node for server in self._slots} | self._seeds
        for node in self._servers.keys() - named:
            await self._servers.pop(node).aclose()


def _target(error: StoreRefused, asked: Node) -> Node:
    """`MOVED 3999 host:port`; without a host it is the one that was asked."""
    host, _, port = error.rest.rpartition(" ")[2].rpartition(":")
    return Node(host or asked.host, int(port))
