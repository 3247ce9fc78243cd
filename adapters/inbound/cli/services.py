"""What the command line is given: it knows neither the settings' reader, nor the builder, nor the server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.application.ports.models import EndpointDirectory


class CommandFailed(Exception):
    """A command that can't be done; a line for each reason."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


SettingsT = TypeVar("SettingsT")
SettingsT_co = TypeVar("SettingsT_co", covariant=True)
SettingsT_contra = TypeVar("SettingsT_contra", contravariant=True)


class Load(Protocol[SettingsT_co]):
    def __call__(
        self, config: Path | None, *, demo: bool, serving: bool, flags: Mapping[str, str] | None = None
    ) -> SettingsT_co:
        """Raises `CommandFailed` with a line for each fault. `serving` asks for what a server needs.

        `flags` are settings as text, which win over any other source.
        """
        ...


class Probe(Protocol[SettingsT_contra]):
    async def __call__(self, settings: SettingsT_contra, say: Callable[[str], None]) -> bool:
        """Ask the configured servers, and say a line for each finding. False where one can't answer."""
        ...


class Services(Struct, Generic[SettingsT], frozen=True, kw_only=True):
    """`serve` blocks, and calls back with the endpoints and the address once it listens. `describe` gives the effective
    settings, a line each, with secrets masked and where each came from, and then warnings.

    `variable` gives a variable of the environment that is no setting; None where it is unset or empty.
    `open_clients` raises `CommandFailed` where no Redis is configured to keep clients in.
    """

    version: Callable[[], str]
    variable: Callable[[str], str | None]
    load: Load[SettingsT]
    describe: Callable[[SettingsT], Sequence[str]]
    probe: Probe[SettingsT]
    open_gateway: Callable[[SettingsT], AbstractAsyncContextManager[GatewayServices]]
    serve: Callable[[SettingsT, Callable[[EndpointDirectory, str], None]], None]
    demo_key: Callable[[SettingsT], str | None]
    open_clients: Callable[[SettingsT], AbstractAsyncContextManager[ManageClients]]
