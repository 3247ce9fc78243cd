"""No two processes of one run of the tests choose the same port, and the system gives it to nobody."""

from itertools import islice
from pathlib import Path

import pytest

from ..ports import _EACH, _own, free_port

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
CLUSTER = 10_000


def test_a_port_is_given_once() -> None:
    assert len({free_port() for _ in range(100)}) == 100


@pytest.mark.skipif(not RANGE.exists(), reason="the system tells no range")
def test_every_process_has_its_own_below_those_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []
    for process in range(16):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{process}")
        ports += islice(_own(), _EACH)

    assert len(set(ports)) == len(ports) == 16 * _EACH
    assert max(ports) + CLUSTER < int(RANGE.read_text().split()[0])
    assert not set(ports) & {port + CLUSTER for port in ports}
