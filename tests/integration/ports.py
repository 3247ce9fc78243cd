"""Ports of loopback on which nothing listens, for servers of others, and for none."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle
from typing import Final

_FIRST: Final = 12_000
"""All of them, and those 10,000 higher on which a Cluster's nodes talk, lie below what Linux gives a client or a server
that asks for any: no other process gets one between its choice and its use."""
_PROCESSES, _EACH = 16, 625


def _own() -> Iterator[int]:
    """What no other process of this run of the tests chooses; two runs at once begin at places of their own."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
    own = range(_FIRST + process * _EACH, _FIRST + (process + 1) * _EACH)
    begin = os.getpid() % _EACH
    return cycle((*own[begin:], *own[:begin]))


_ports: Final = _own()


def free_port() -> int:
    """Another one at each call, until all of this process have been used."""
    while True:
        port = next(_ports)
        with socket.socket() as plug:
            try:
                plug.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
