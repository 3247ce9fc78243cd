"""What stands for everything beyond loopback: it answers as a cloud would, and sees whatever is sent to anywhere."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

from msgspec import Struct
from typing_extensions import override

from ..gemini.payloads import said
from ..ollama.server import end, line
from ..openai.server import message

ADDRESS = "203.0.113.7"
RESOLVER = "203.0.113.53"
PORT = 8080
EMBEDDING = "gemini-embedding-001"
URL = f"http://{ADDRESS}:{PORT}"

_ALL_PROTOCOLS = socket.htons(3)
_PACKET_OUTGOING = 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6


class Packet(Struct, frozen=True):
    """The beginning of a connection, or a datagram, to an address that is not loopback."""

    kind: str
    to: str
    port: int


class Wire:
    """Every packet of this network namespace, for which it needs to be root there."""

    def __init__(self) -> None:
        self.left: list[Packet] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, _ALL_PROTOCOLS)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self.read)

    def read(self) -> None:
        """All that there is: the kernel puts a packet here before the one who sent it can go on."""
        while True:
            try:
                data, (_, _, direction, *_) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            if direction == _PACKET_OUTGOING:
                self.left.extend(packet for packet in _packets(data) if not ip_address(packet.to).is_loopback)

    def unseen(self) -> int:
        """How many packets came too fast to be looked at, since the last time."""
        return int(struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


def _packets(data: bytes) -> Iterator[Packet]:
    if data[0] >> 4 == 4:
        protocol, to, rest = data[9], data[16:20], data[(data[0] & 15) * 4 :]
    else:
        protocol, to, rest = data[6], data[24:40], data[40:]
    address = str(ip_address(to))
    if protocol == socket.IPPROTO_TCP and rest[13] & 0x12 == 0x02:  # SYN without ACK
        yield Packet("connection", address, int.from_bytes(rest[2:4], "big"))
    elif protocol == socket.IPPROTO_UDP:
        yield Packet("datagram", address, int.from_bytes(rest[2:4], "big"))


class Cloud:
    """Gemini, Ollama, OpenAI's API and a proxy at one address, and the resolver that every name leads there by."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.heard = b""
        self.names: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Cloud"]:
        resolver, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Resolver(self.names), local_addr=(RESOLVER, 53)
        )
        listener = await asyncio.start_server(self._answer, ADDRESS, PORT)
        try:
            yield self
        finally:
            listener.close()
            resolver.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            self.requests.append(head.partition(b"\r\n")[0].decode())
            self.heard += head + body
            answer = json.dumps(_answer_to(self.requests[-1])).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def _answer_to(request: str) -> object:
    model = {"name": "llama3.1:latest", "model": "llama3.1:latest", "digest": "sha256:1"}
    if ":generateContent" in request:
        return said({"text": "From the cloud"}, finish="STOP", usage={"promptTokenCount": 1})
    if "/v1beta/models" in request:
        return {"models": [{"name": f"models/{EMBEDDING}", "supportedGenerationMethods": ["embedContent"]}]}
    if "/v1/models" in request:
        return {"data": [{"id": "llama3.1"}]}
    if "/v1/chat/completions" in request:
        return message("From the cloud")
    if "/api/show" in request:
        return {"capabilities": ["completion"]}
    if "/api/chat" in request:
        return line("From the cloud") | end()
    return {"models": [model]}


class _Resolver(asyncio.DatagramProtocol):
    """Answers every question for an IPv4 address with the cloud's."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, position = [], 12
        while size := data[position]:
            labels.append(data[position + 1 : position + 1 + size].decode())
            position += size + 1
        question = data[12 : position + 5]
        self._names.append(".".join(labels))
        record = b""
        if question[-4:-2] == b"\x00\x01":
            record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + socket.inet_aton(ADDRESS)
        head = data[:2] + b"\x81\x80\x00\x01" + struct.pack(">HHH", bool(record), 0, 0)
        self._transport.sendto(head + question + record, addr)
