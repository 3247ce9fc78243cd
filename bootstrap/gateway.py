"""A gateway as its host holds it."""

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.single_flight import Flights

from .settings import Settings
from .telemetry import Telemetry


class Gateway(GatewayServices, frozen=True, kw_only=True):
    """With what its host needs beside. `Container` has an entry for each field, by the field's name."""

    settings: Settings
    telemetry: Telemetry
    flights: Flights
