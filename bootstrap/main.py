"""The entry point: hands the settings' reader, the builder and the server to the command line."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from llm_gateway.adapters.inbound.cli.command import run
from llm_gateway.adapters.inbound.cli.services import CommandFailed, Services
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.clients import DEMO_KEY
from llm_gateway.domain.quota import Bucket

from .alias_rules import alias_warnings
from .described import described
from .kinds import model_warnings
from .loading import SettingsError, SettingsRead, variable
from .near_misses import near_misses
from .opening import open_gateway
from .probing import probe
from .settings_rules import serving_faults
from .telemetry import own_version


def main() -> None:
    services = Services(
        version=own_version,
        variable=variable,
        load=_load,
        describe=_describe,
        probe=lambda read, say: probe(read.settings, say),
        open_gateway=lambda read: open_gateway(read.settings),
        serve=_serve,
        open_clients=_open_clients,
        demo_key=lambda read: DEMO_KEY if read.settings.demo and not read.settings.api_keys else None,
    )
    sys.exit(run(sys.argv[1:], services))


def _load(config: Path | None, *, demo: bool, serving: bool, flags: Mapping[str, str] | None = None) -> SettingsRead:
    try:
        read = SettingsRead(config=config, demo=demo, flags=flags)
    except SettingsError as error:
        raise CommandFailed(error.faults) from error
    faults = list(serving_faults(read.settings)) if serving else []
    if faults:
        raise CommandFailed(faults)
    return read


def _open_clients(read: SettingsRead) -> AbstractAsyncContextManager[ManageClients]:
    settings = read.settings
    if settings.redis_url is None:
        raise CommandFailed(["REDIS_URL: registered clients are kept in Redis, and it is not set"])
    from .stores import open_clients

    common = Bucket.of(settings.rate_limiter_capacity, settings.rate_limiter_refill_rate)
    return open_clients(settings.redis_url, common)


def _serve(read: SettingsRead, announce: Callable[[EndpointDirectory, str], None]) -> None:
    settings = read.settings
    gc.disable()  # until `keep_for_good`: a start makes next to no garbage, and looking for it takes 0.1 s
    try:
        from .serving import CannotListen, serve
        from .workers import WorkersFailed
    except ImportError as error:
        raise CommandFailed([f"serve needs the extra `server`: {error.name} is not installed"]) from error
    try:
        serve(settings, announce)
    except CannotListen as error:
        raise CommandFailed([f"HOST, PORT: can't listen on {settings.host}, port {settings.port}: {error}"]) from error
    except WorkersFailed as error:
        raise CommandFailed([f"WORKERS: {error}"]) from error


def _describe(read: SettingsRead) -> Sequence[str]:
    found = (
        *model_warnings(read.settings, SystemClock().now()),
        *alias_warnings(read.settings),
        *near_misses(read.variables, read.sources),
    )
    warnings = [f"Warning: {words}" for words in found]
    return [*described(read.settings, read.sources), *warnings]
