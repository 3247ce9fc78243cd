"""Schedules of the simulation, asked of the script on a real server: those of some of them in one pipeline."""

import socket
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hiredis import Reader, ReplyError

from llm_gateway.adapters.outbound.redis.client.command_pipe import packed
from llm_gateway.adapters.outbound.redis.rate_limiter import _account
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.quota import Levels, Quota

from ...unit.domain.limits_simulation import Operation, Simulation
from ..waiting import HANG_SECONDS
from .set_time import SHADOWED
from .valkey import Valkey, valkey

AT_ONCE = 50


def replay(seeds: range) -> None:
    """On a server of its own. Raises `AssertionError` where the script's answer is not the account's."""
    with valkey() as server:
        server.ask("SCRIPT", "LOAD", SHADOWED.body)
        left = iter(seeds)
        while some := tuple(islice(left, AT_ONCE)):
            _replay(server, some)
            server.ask("FLUSHALL")


def _replay(server: Valkey, seeds: Sequence[int]) -> None:
    asked: list[tuple[int, Quota, Operation]] = []
    for seed in seeds:
        simulation = Simulation(seed)
        simulation.run()
        asked += [(seed, simulation.quota, operation) for operation in simulation.operations]
    commands = b"".join(_command(seed, quota, operation) for seed, quota, operation in asked)
    for (seed, quota, operation), reply in zip(asked, _replies(server.port, commands, len(asked)), strict=True):
        assert not isinstance(reply, ReplyError), reply
        if operation.said is not None:
            wait_ms, requests, tokens, leases = reply
            levels = Levels(requests=requests, tokens=tokens, leases=leases)
            said = quota.decision(levels, wait_ms=wait_ms)
            assert said == operation.said, f"Simulation({seed}), {operation}: the script says {said}"


def _command(seed: int, quota: Quota, operation: Operation) -> bytes:
    name, numbers = _account(ClientId(f"{seed}.{operation.account}"), quota)
    keys = (name, name + b":leases", name + b":held:" + operation.id.encode())
    more: tuple[int, ...] = ()
    match operation.verb:
        case "take":
            more = (*quota.cost(operation.charge), int(operation.charge.lease))
        case "spend":
            more = quota.spent(operation.charge.requests, operation.charge.tokens)
        case "settle":
            more = (quota.tokens.parts(operation.tokens) if quota.tokens else 0,)
    return packed("EVALSHA", SHADOWED.digest, 3, *keys, operation.verb, *numbers, *more, operation.now_ms)


def _replies(port: int, commands: bytes, number: int) -> Iterator[Any]:
    reader = Reader(notEnoughData=(unheard := object()))
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS) as plug:
        plug.sendall(commands)
        for _ in range(number):
            while (reply := reader.gets()) is unheard:
                data = plug.recv(1 << 16)
                assert data, "the server closed the connection"
                reader.feed(data)
            yield reply
