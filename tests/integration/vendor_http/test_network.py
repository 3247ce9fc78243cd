"""Where requests go, and go not: no connection, the environment, addresses off the premises."""

import asyncio
import socket
from pathlib import Path
from socket import AddressFamily

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http.addresses import guarded_socket
from llm_gateway.adapters.outbound.vendor_http.client import VendorHttp
from llm_gateway.adapters.outbound.vendor_http.errors import BadAddress, OutsideAddress, Unconnected

from ..certificates import self_signed
from ..scripted_vendor import BEFORE_THE_HEAD, whole
from ..waiting import HANG_SECONDS, eventually
from .calls import BODY, Server, Way, both_ways, http_to, served

OUTSIDE = "192.0.2.1"  # of no network: see RFC 5737


class Names(AbstractResolver):
    """A name that leads to these addresses, or nowhere for ever."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    @override
    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        if not self.addresses:
            await asyncio.get_running_loop().create_future()
        return [
            ResolveResult(hostname=host, host=address, port=port, family=AddressFamily.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    @override
    async def close(self) -> None: ...


@both_ways
async def test_nothing_is_sent_where_no_connection_is_made(way: Way) -> None:
    clock = ScriptedClock()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with (
            Server(whole(b"data: 1\n\n")).running() as plain,
            Server(whole(b"data: 1\n\n"), tls=self_signed()).running() as untrusted,
        ):
            for url in (refusing, plain.url.replace("http:", "https:"), untrusted.url):
                async with http_to(url, clock) as http:
                    with pytest.raises(Unconnected):
                        await way(http, clock)
            assert plain.asked == untrusted.asked == []
            assert BODY not in plain.received + untrusted.received


@both_ways
async def test_a_name_that_leads_nowhere_is_no_connection(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    clock = ScriptedClock()
    async with http_to("http://nowhere.invalid", clock) as http:
        with pytest.raises(Unconnected):
            await way(http, clock)


@both_ways
async def test_a_connection_is_given_up_in_time_names_and_tls_included(way: Way) -> None:
    clock = ScriptedClock()
    async with http_to("http://slow.test", clock, connect_seconds=0.05, resolver=Names()) as http:
        with pytest.raises(Unconnected):
            await way(http, clock)

    class Silent(Server):
        """Answers no TLS handshake."""

        @override
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            self.left.set()

    async with (
        Silent(BEFORE_THE_HEAD).running() as server,
        http_to(server.url.replace("http:", "https:"), clock, connect_seconds=0.05) as http,
    ):
        with pytest.raises(Unconnected):
            await way(http, clock)
        await eventually(server.left.is_set, within=0.5)


@both_ways
async def test_a_deadline_counts_while_a_connection_is_made(way: Way) -> None:
    clock = ScriptedClock()
    async with http_to("http://slow.test", clock, resolver=Names()) as http:
        asking = asyncio.create_task(way(http, clock))
        await clock.advance(60.0)

        with pytest.raises(TimeoutError):
            await asking


@both_ways
async def test_nothing_is_read_from_the_environment_and_nothing_remembered(
    way: Way, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with Server(whole(b"data: 1\n\n")).running() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        answer = whole(b"data: 1\n\n", headers={"Set-Cookie": "a=b"})
        async with served(answer) as (server, http, clock):
            for _ in range(2):
                await way(http, clock)

            assert len(server.asked) == 2
            assert all(not {"cookie", "authorization"} & asked.headers.keys() for asked in server.asked)
        assert proxy.connections == 0


@both_ways
@pytest.mark.parametrize("addresses", [(OUTSIDE,), (OUTSIDE, "198.51.100.1"), ("2130706433",)])
async def test_a_guarded_client_sends_nothing_off_the_premises(
    way: Way, addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScriptedClock()
    async with http_to("http://inside.test:11434", clock, guarded=True, resolver=Names(*addresses)) as http:
        with pytest.raises(OutsideAddress):
            await way(http, clock)


@both_ways
@pytest.mark.parametrize("host", [OUTSIDE, "[2001:db8::1]", "8.8.8.8"])
async def test_a_guarded_client_connects_to_no_address_off_the_premises(way: Way, host: str) -> None:
    clock = ScriptedClock()
    async with http_to(f"http://{host}:11434", clock, guarded=True) as http:
        with pytest.raises(OutsideAddress):
            await way(http, clock)


@both_ways
async def test_a_guarded_client_takes_the_address_that_is_on_the_premises(way: Way) -> None:
    async with Server(whole(b"data: 1\n\n")).running() as server:
        port = server.url.rpartition(":")[2]
        clock = ScriptedClock()
        names = Names(OUTSIDE, "127.0.0.1")
        async with http_to(f"http://inside.test:{port}", clock, guarded=True, resolver=names) as http:
            await way(http, clock)
        async with http_to(server.url, clock, guarded=True) as http:
            await way(http, clock)


def test_a_guarded_socket_is_made_for_its_address() -> None:
    with guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))) as made:
        assert made.family is socket.AF_INET
    with pytest.raises(OutsideAddress):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (OUTSIDE, 1)))


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://x", "http://", "http:///x", "http://x:port", "http://[::1", "localhost:11434"]
)
async def test_a_base_url_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(BadAddress):
        VendorHttp(url, ScriptedClock())


async def test_a_connection_that_closed_while_the_loop_was_busy_is_not_used() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(HANG_SECONDS)
    http = VendorHttp(f"http://127.0.0.1:{listener.getsockname()[1]}", ScriptedClock())

    def answer_once() -> socket.socket:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return connection

    for _ in range(2):
        answered = asyncio.create_task(asyncio.to_thread(answer_once))
        assert await http.whole("POST", "/", BODY, until=1e9) == b"{}"
        (await answered).close()  # and the event loop has no turn before the next call
    await http.aclose()
    listener.close()
