"""What a client may name: exactly what planning takes."""

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.domain.errors import Forbidden, NoRoute, UnknownModel
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality

from .world import client_of


def state(provider: str, *, context: int | None = None, unusable: str | None = None) -> EndpointState:
    locality = Locality.CLOUD if provider == "gemini" else Locality.ON_PREMISES
    return EndpointState(
        endpoint=Endpoint(id=EndpointId(provider=provider, model=f"{provider}-1"), locality=locality),
        features=frozenset(Feature),
        unusable=unusable,
        context_length=context,
    )


def listing(*states: EndpointState) -> ListModels:
    directory = FixedEndpoints(states)
    return ListModels(PlanRoute(directory), directory)


def test_hints_come_first_and_then_each_model_by_its_whole_name() -> None:
    models = listing(state("gemini"), state("ollama"))(client_of())

    assert [model.name for model in models] == [*Hint, "gemini/gemini-1", "ollama/ollama-1"]
    assert [model.owner for model in models] == [None, None, None, None, "gemini", "ollama"]


def test_a_hint_that_may_lead_to_the_cloud_says_so() -> None:
    localities = {model.name: model.locality for model in listing(state("gemini"), state("ollama"))(client_of())}

    assert (localities["online"], localities["secure"]) == (Locality.CLOUD, Locality.ON_PREMISES)


@pytest.mark.parametrize(
    ("gemini", "ollama", "shortest"), [(1_000, 200, 200), (100, 200, 100), (None, 200, None), (100, None, None)]
)
def test_a_hint_holds_what_the_shortest_of_its_models_holds(
    gemini: int | None, ollama: int | None, shortest: int | None
) -> None:
    online = listing(state("gemini", context=gemini), state("ollama", context=ollama)).find("online", client_of())

    assert online.context_length == shortest


def test_one_is_found_by_any_of_its_names() -> None:
    models = listing(state("ollama", context=9))

    for name in ("ollama", "ollama-1", "ollama/ollama-1"):
        assert (models.find(name, client_of()).name, models.find(name, client_of()).owner) == (name, "ollama")


def test_finding_raises_what_planning_raises_and_the_list_leaves_it_out() -> None:
    models = listing(state("gemini", unusable="away"), state("ollama"))
    client = replace(client_of(), models=frozenset({"gemini"}))

    with pytest.raises(UnknownModel):
        models.find("gpt-9", client)
    with pytest.raises(Forbidden):
        models.find("ollama", client)
    with pytest.raises(NoRoute):
        models.find("gemini", client)
    assert models(client) == ()
