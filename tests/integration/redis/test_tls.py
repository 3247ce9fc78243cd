"""A real server of TLS: Redis itself, as what Valkey comes in here has none."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec import Struct
from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.cluster import slot_of
from llm_gateway.adapters.outbound.redis.client.failures import StoreAway

from ..ports import free_port
from .conftest import Open
from .gateways import Gateways
from .sentinel import SERVICE, Watcher
from .valkey import Valkey, ask, valkey_cluster

pytestmark = [pytest.mark.external("redis-server"), pytest.mark.external("openssl")]


class Papers(Struct, frozen=True):
    """A certificate for this machine and for a client, that is its own authority, with its key."""

    certificate: str
    key: str

    def options(self, port: int, clients: bool) -> dict[str, str]:
        return {
            "port": "0",
            "tls_port": str(port),
            "tls_cert_file": self.certificate,
            "tls_key_file": self.key,
            "tls_ca_cert_file": self.certificate,
            "tls_auth_clients": "yes" if clients else "no",
        }


def papers_in(folder: Path) -> Papers:
    made = Papers(str(folder / "crt.pem"), str(folder / "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", made.key, "-out", made.certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return papers_in(tmp_path_factory.mktemp("papers"))


class TlsServer(Valkey):
    def __init__(self, folder: Path, papers: Papers, *, clients: bool = False) -> None:
        super().__init__(folder, program="redis-server")
        self._options |= papers.options(self.port, clients)


class TlsNode(TlsServer):
    """A Cluster's, whose nodes speak TLS among themselves too. It can be asked without, by the test alone."""

    def __init__(self, folder: Path, papers: Papers, **options: str) -> None:
        super().__init__(folder, papers)
        self._plain = free_port()
        self._options |= options | {"port": str(self._plain), "tls_cluster": "yes", "tls_replication": "yes"}

    @override
    def ask(self, *command: str | bytes | int) -> Any:
        return ask(self._plain, *command)


@pytest.fixture(scope="module", params=[False, True], ids=["one way", "mutual"])
def secured(request: pytest.FixtureRequest, papers: Papers) -> Iterator[tuple[TlsServer, str]]:
    """A server, and what a URL needs behind its port."""
    with TemporaryDirectory(prefix="redis-tls-") as folder:
        server = TlsServer(Path(folder), papers, clients=request.param)
        server.start()
        own = f"&ssl_certfile={papers.certificate}&ssl_keyfile={papers.key}" if request.param else ""
        yield server, f"?ssl_ca_certs={papers.certificate}{own}"
        server.kill()


async def test_many_calls_and_long_ones_share_a_connection(secured: tuple[TlsServer, str], open_url: Open) -> None:
    server, options = secured
    store = open_url(f"rediss://localhost:{server.port}/1{options}")
    values = {b"key %d" % number: b"%d" % number * (1 if number % 10 else 100_000) for number in range(100)}
    await asyncio.gather(*(store.call("put", key, "SET", key, value) for key, value in values.items()))
    assert await asyncio.gather(*(store.call("get", key, "GET", key) for key in values)) == list(values.values())
    assert b"connected_clients:1" in await store.call("info", b"", "INFO", "clients")
    assert await store.trouble() is None


@pytest.mark.usefixtures("patient")
async def test_a_gateway_over_tls_hits_what_it_stored(secured: tuple[TlsServer, str], gateways: Gateways) -> None:
    server, options = secured
    served = await gateways.open(redis_url=f"rediss://127.0.0.1:{server.port}{options}")
    responses = [await served.chat("over TLS") for _ in range(2)]
    assert ["x-gateway-limiter" in response.headers for response in responses] == [False, False]
    assert (await served.client.get("/health/ready")).json()["stores"][0]["usable"]


async def test_what_can_not_be_trusted_is_said_and_not_used(
    papers: Papers, secured: tuple[TlsServer, str], open_url: Open, tmp_path: Path
) -> None:
    server, options = secured
    address, other = f"localhost:{server.port}", papers_in(tmp_path)
    for url, why in (
        (f"rediss://{address}", ssl.SSLCertVerificationError.__name__),
        (f"rediss://{address}?ssl_ca_certs={other.certificate}", ssl.SSLCertVerificationError.__name__),
        (f"rediss://{address}?ssl_ca_certs=/canary.pem", FileNotFoundError.__name__),
        (f"rediss://{address}{options}&ssl_certfile=/canary.pem", FileNotFoundError.__name__),
        (f"redis://{address}", ""),
    ):
        with pytest.raises(StoreAway) as caught:
            await open_url(url).call("put", b"k", "SET", "k", "v")
        assert why in str(caught.value)
        assert "canary" not in str(caught.value)


async def test_a_server_that_asks_for_a_certificate_takes_no_other_and_none_without(
    papers: Papers, open_url: Open, tmp_path: Path
) -> None:
    (home := tmp_path / "server").mkdir()
    server, other = TlsServer(home, papers, clients=True), papers_in(tmp_path)
    server.start()
    try:
        url = f"rediss://localhost:{server.port}?ssl_ca_certs={papers.certificate}"
        for more in ("", f"&ssl_certfile={other.certificate}&ssl_keyfile={other.key}"):
            assert (await open_url(f"{url}{more}").trouble() or "").startswith("no connection: ")
    finally:
        server.kill()


async def test_sentinels_and_their_master_over_tls(papers: Papers, open_url: Open, tmp_path: Path) -> None:
    (home := tmp_path / "sentinel").mkdir()
    master = TlsServer(tmp_path, papers)
    master.start()
    watcher = Watcher(home, master, 1, "tls-replication yes", program="redis-server", port=False)
    watcher._lines += tuple(
        f"{name.replace('_', '-')} {value}"
        for name, value in papers.options(watcher.port, False).items()
        if value != "0"
    )
    watcher.start()
    try:
        url = f"rediss+sentinel://127.0.0.1:{watcher.port}/{SERVICE}?ssl_ca_certs={papers.certificate}"
        store = open_url(url)
        await store.call("put", b"k", "SET", "k", "v")
        assert await store.trouble() is None
    finally:
        watcher.kill()
        master.kill()


async def test_a_cluster_over_tls_is_asked_at_the_nodes_that_have_the_keys(papers: Papers, open_url: Open) -> None:
    with valkey_cluster(make=partial(TlsNode, papers=papers)) as nodes:
        url = f"rediss+cluster://localhost:{nodes[1].port}?ssl_ca_certs={papers.certificate}"
        store = open_url(url)
        values = {b"key %d" % number: b"%d" % number for number in range(100)}
        await asyncio.gather(*(store.call("put", key, "SET", key, value) for key, value in values.items()))
        assert await asyncio.gather(*(store.call("get", key, "GET", key) for key in values)) == list(values.values())
        assert all(node.ask("DBSIZE") > 10 for node in nodes)
        assert await store.trouble() is None

        slot = slot_of(b"elsewhere")
        new = next(node for node in nodes if not _has(node, slot))
        for node in nodes:
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", new.ask("CLUSTER", "MYID"))
        await store.call("put", b"elsewhere", "SET", "elsewhere", "v")  # MOVED there
        assert new.ask("GET", "elsewhere") == b"v"


def _has(node: Valkey, slot: int) -> bool:
    own = node.ask("CLUSTER", "MYID")
    return any(first <= slot <= last and main[2] == own for first, last, main, *_ in node.ask("CLUSTER", "SLOTS"))
