"""Start and memory: from exec to the first answer, and the memory once both vendors have answered."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from cases import ALL_TRANSPORTS, VENDORS, Case, Figures
from load import chat, clients, connected, load
from processes import Server, gateway
from vendors import SATURATED_FEW, WHOLE

INSTALLED = {
    name: Path(__file__).resolve().parents[1] / ".cache" / name / "bin" / "python" for name in ("all", "image")
}
"""With all extras, and with what the image has. Made by `just bench`."""
_TURN_SECONDS = 0.002


def starts(vendor_port: int) -> Iterator[Case]:
    for name, python in INSTALLED.items():
        for transport in ALL_TRANSPORTS if name == "all" else ALL_TRANSPORTS[:1]:

            async def measure(case: str = f"{name}/{transport}", python: Path = python, to: str = transport) -> Figures:
                port = _free_port()
                server = gateway(vendor_port, to, python=python, port=port)
                try:
                    return {f"{key}/{case}": value for key, value in (await _life(server, port)).items()}
                finally:
                    await server.stop()

            yield Case(name=f"start/{name}/{transport}", measure=measure)


async def _life(server: Server, port: int) -> Figures:
    began = time.perf_counter()
    await server.spawn()
    await _first_answer(port)
    seconds, cpu = time.perf_counter() - began, server.cpu_us() / 1e6
    for vendor in VENDORS:
        for stream in (False, True):
            requests = iter([chat(f"{vendor}/{SATURATED_FEW}", f"{n}", stream=stream) for n in range(20)])
            async with clients(port, 4) as connections:
                await load(connections, requests)
    return {"start/seconds": seconds, "start/cpu": cpu, "start/memory": server.pss_mib()}


async def _first_answer(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with connected(port) as connection:
                    if (await connection.ask(chat(f"ollama/{WHOLE}", "first"))).status == 200:
                        return
            except ConnectionError:
                await asyncio.sleep(_TURN_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert isinstance(port, int)
        return port
