"""The pools that the settings name, of the providers that are there."""

from collections.abc import Iterator, Mapping, Sequence

from llm_gateway.adapters.outbound.memory.directories import JoinedEndpoints
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.pools import Pool
from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.providers import Provider
from llm_gateway.application.ports.system import Clock

from .kinds import SERVERS
from .settings import EndpointSettings, Settings


def build_pools(
    settings: Settings, providers: Sequence[Provider], breakers: Breakers, clock: Clock, meter: QueueMeter
) -> Mapping[str, Pool]:
    """By name. None where a host has put models of its own in the place of all providers."""
    by_name, rows = {provider.name: provider for provider in providers}, server_rows(settings)
    return {
        row.name: Pool(
            row.name,
            row.model or rows[row.pool[0]].model,
            [by_name[name] for name in row.pool],
            breakers,
            clock,
            meter,
            slots=row.slots,
            queue=row.queue,
        )
        for row in settings.pools
        if by_name
    }


def joined_endpoints(settings: Settings, providers: Sequence[Provider], pools: Mapping[str, Pool]) -> JoinedEndpoints:
    """The endpoints of the pools, and those of the providers that are in none."""
    alone = (provider.directory for provider in providers if provider.name not in settings.pooled)
    return JoinedEndpoints((*pools.values(), *alone))


def pool_faults(settings: Settings) -> Iterator[str]:
    """A line for each thing that is wrong with a pool, which is told by its name."""
    rows = server_rows(settings)
    members: set[str] = set()
    for row in settings.pools:
        at = f"endpoints: the pool {row.name}"
        for name in row.pool:
            if name not in rows:
                yield f"{at} has the member {name}, which is no provider here that has a server"
            elif name in members:
                yield f"{at} has the member {name}, which is one already"
            members.add(name)
        kinds = sorted({rows[name].kind for name in row.pool if name in rows})
        if len(kinds) > 1:
            yield f"{at} has members of several kinds ({', '.join(kinds)}), and may have one"


def server_rows(settings: Settings) -> Mapping[str, EndpointSettings]:
    """Every provider that has a server, by name."""
    own = (kind.own(settings) for kind in SERVERS if kind.own is not None)
    return {row.name: row for row in (*own, *settings.rows)}
