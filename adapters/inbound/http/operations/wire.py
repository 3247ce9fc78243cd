"""What the operators' endpoints answer, as it stands on the wire."""

from typing import Literal

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class EndpointHealth(Struct, frozen=True, kw_only=True):
    """An endpoint, whether it can be asked, and if not, why.

    `answered_by` is the model that answers in the place of another, as its vendor moved an alias or redirects a name.
    `notes` are what an operator has to mend though it answers, such as a refusal of what the gateway adds. `version`:
    its server's, where it runs on one of yours.
    """

    name: str
    usable: bool
    locality: Literal["on_premises", "cloud"]
    demonstration: bool
    reason: str | None
    answered_by: str | None
    version: str | None
    notes: tuple[str, ...] = ()


class StoreHealth(Struct, frozen=True, kw_only=True):
    """A store that gateways share; without it they go on as configured."""

    name: str
    usable: bool
    reason: str | None


class Readiness(Struct, frozen=True, kw_only=True):
    """`no_endpoint`: nothing here could answer a chat at the moment."""

    status: Literal["ready", "draining", "no_endpoint"]
    endpoints: list[EndpointHealth]
    stores: list[StoreHealth]
