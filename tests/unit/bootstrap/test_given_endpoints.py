"""Endpoints that a host gives without routes: they serve every hint that their place allows."""

import pytest

from llm_gateway import (
    ChatCall,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    FixedEndpoints,
    Hint,
    Locality,
    NoRoute,
    Overrides,
    Quota,
    Settings,
    UserMessage,
    open_gateway,
)
from llm_gateway.domain.routing import Routes
from llm_gateway.testing import ScriptedChatModel, ScriptedClock

ME = Client(id=ClientId("me"), namespace="me", quota=Quota())


def state(provider: str, locality: Locality) -> EndpointState:
    endpoint = Endpoint(id=EndpointId(provider=provider, model="model-1"), locality=locality)
    return EndpointState(endpoint=endpoint, features=frozenset())


OWN = state("own", Locality.ON_PREMISES)
FAR = state("far", Locality.CLOUD)


async def planned(hint: Hint | None, *states: EndpointState, settings: Settings | None = None, **given: Routes) -> str:
    """The endpoints' providers in order; the refusal where there is none."""
    overrides: Overrides = {
        "chat_models": {one.endpoint.id.provider: ScriptedChatModel(ScriptedClock()) for one in reversed(states)},
        "endpoints": FixedEndpoints(states),
        **given,  # type: ignore[typeddict-item]
    }
    call = ChatCall(request=ChatRequest(messages=(UserMessage(content="hello"),)), hint=hint)
    async with open_gateway(settings, **overrides) as gateway:
        try:
            plan = gateway.plan_route(call, ME)
        except NoRoute as error:
            return error.message
    return " ".join(one.endpoint.id.provider for one in plan.endpoints)


@pytest.mark.parametrize("hint", [None, *Hint])
async def test_an_endpoint_on_the_premises_serves_every_hint(hint: Hint | None) -> None:
    assert await planned(hint, OWN) == "own"


@pytest.mark.parametrize("hint", [None, *(hint for hint in Hint if hint is not Hint.SECURE)])
async def test_an_endpoint_in_the_cloud_serves_every_hint_but_secure(hint: Hint | None) -> None:
    assert await planned(hint, FAR) == "far"
    assert await planned(hint, FAR, OWN) == "far own"
    assert await planned(hint, OWN, FAR) == "own far"


async def test_secure_never_leads_to_the_cloud() -> None:
    assert await planned(Hint.SECURE, FAR, OWN) == "own"
    refused = await planned(Hint.SECURE, FAR)
    assert refused.endswith("far/model-1: in the cloud, where secure requests never go")


async def test_a_known_provider_s_name_makes_no_difference() -> None:
    assert await planned(Hint.LOCAL, state("gemini", Locality.CLOUD)) == "gemini"


async def test_routes_that_are_given_stand() -> None:
    route: Routes = {Hint.FAST: ("own",)}
    assert await planned(Hint.FAST, FAR, OWN, routes=route) == "own"
    assert "ollama: not configured" in await planned(Hint.LOCAL, FAR, OWN, routes=route)
    settings = Settings(routes={Hint.FAST: ("own",)})
    assert await planned(Hint.FAST, FAR, OWN, settings=settings) == "own"
    assert "ollama: not configured" in await planned(Hint.LOCAL, FAR, OWN, settings=settings)
