"""Names that stand for others: planned as what they stand for, with its rights, for chats and embeddings."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import Forbidden, GatewayError, InvalidRequest, UnknownModel
from llm_gateway.domain.routing import Alias, Endpoint, EndpointId, EndpointState, Feature, Hint, Locality, Plan, Task

from .world import call_of, client_of


def state(provider: str, model: str, *tasks: Task) -> EndpointState:
    locality = Locality.CLOUD if provider == "gemini" else Locality.ON_PREMISES
    endpoint = Endpoint(id=EndpointId(provider=provider, model=model), locality=locality)
    return EndpointState(endpoint=endpoint, features=frozenset(Feature), tasks=frozenset(tasks or (Task.CHAT,)))


STATES = (state("gemini", "flash"), state("ollama", "llama"), state("ollama", "vectors", Task.EMBED))
ALIASES = {
    "gpt-4o-mini": "local",
    "gpt-4o": "gemini",
    "named": "llama",
    "whole": "ollama/llama",
    "text-embedding-3-small": "ollama/vectors",
    "nowhere": "no-model",
    "chained": "gpt-4o",
    "llama": "gemini/flash",
    "secure": "gemini",
}
PLAN_ROUTE = PlanRoute(FixedEndpoints(STATES), aliases=ALIASES)
WITHOUT = PlanRoute(FixedEndpoints(STATES))
LIST = ListModels(PLAN_ROUTE, FixedEndpoints(STATES))
ANYBODY = client_of()
CLIENTS = {
    "anybody": ANYBODY,
    "on premises": replace(ANYBODY, hints=frozenset({Hint.SECURE, Hint.LOCAL})),
    "ollama's": replace(ANYBODY, models=frozenset({"ollama"})),
    "gemini's": replace(ANYBODY, models=frozenset({"gemini"})),
    "strict": replace(ANYBODY, strict=True),
}


def chat(name: str | None) -> ChatCall:
    return replace(call_of(), model=name)


def embedding(name: str) -> EmbedCall:
    return EmbedCall(request=EmbedRequest(inputs=("one",)), model=name)


def outcome(make: Callable[[], Plan]) -> Plan | str:
    try:
        return make()
    except GatewayError as error:
        return repr(error)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))
@pytest.mark.parametrize("name", ["gpt-4o-mini", "gpt-4o", "named", "whole", "nowhere", "text-embedding-3-small"])
@pytest.mark.parametrize("hint", [None, *Hint])
def test_a_call_by_an_alias_is_planned_or_refused_as_one_by_its_target(
    client: Client, name: str, hint: Hint | None
) -> None:
    target = ALIASES[name]
    by_alias, real = (replace(chat(one), hint=hint) for one in (name, target))
    embed, really = (replace(embedding(one), hint=hint) for one in (name, target))

    for made, meant in (
        (outcome(lambda: PLAN_ROUTE(by_alias, client)), outcome(lambda: WITHOUT(real, client))),
        (
            outcome(lambda: PLAN_ROUTE.for_embedding(embed, client)),
            outcome(lambda: WITHOUT.for_embedding(really, client)),
        ),
    ):
        if isinstance(meant, Plan):
            assert made == replace(meant, alias=Alias(name=name, target=target))
        else:
            assert made == meant


def test_a_client_s_own_alias_wins_and_is_nobody_else_s() -> None:
    own = replace(ANYBODY, aliases={"gpt-4o-mini": "gemini", "mine": "ollama"})

    assert PLAN_ROUTE(chat("gpt-4o-mini"), own).endpoints == STATES[:1]
    assert PLAN_ROUTE(chat("gpt-4o-mini"), ANYBODY).endpoints == STATES[1:2]
    assert PLAN_ROUTE(chat("mine"), own).alias == Alias(name="mine", target="ollama")
    assert WITHOUT(chat("mine"), own).endpoints == STATES[1:2]
    with pytest.raises(UnknownModel):
        PLAN_ROUTE(chat("mine"), ANYBODY)


def test_a_target_is_a_real_name_and_a_hint_is_never_given_away() -> None:
    with pytest.raises(UnknownModel):
        PLAN_ROUTE(chat("chained"), ANYBODY)
    assert PLAN_ROUTE(chat("secure"), ANYBODY).endpoints == STATES[1:2]
    assert PLAN_ROUTE(chat("secure"), replace(ANYBODY, aliases={"secure": "gemini"})).hint is Hint.SECURE


def test_an_alias_wins_over_a_model_of_its_name_and_its_target_is_not_led_on() -> None:
    assert PLAN_ROUTE(chat("llama"), ANYBODY).endpoints == STATES[:1]
    assert PLAN_ROUTE(chat("named"), ANYBODY).endpoints == STATES[1:2]
    assert PLAN_ROUTE(chat("ollama/llama"), ANYBODY).alias is None


def test_a_hint_beside_an_alias_filters_what_it_stands_for() -> None:
    with pytest.raises(InvalidRequest):
        PLAN_ROUTE(replace(chat("gpt-4o"), hint=Hint.SECURE), ANYBODY)


def test_the_plans_of_an_alias_and_of_its_target_are_each_made_once() -> None:
    by_alias, real = PLAN_ROUTE(chat("named"), ANYBODY), PLAN_ROUTE(chat("ollama/llama"), ANYBODY)

    assert PLAN_ROUTE(chat("named"), ANYBODY) is by_alias
    assert PLAN_ROUTE(chat("ollama/llama"), ANYBODY) is real
    assert real.alias is None


def test_aliases_are_listed_last_with_what_they_stand_for() -> None:
    listed = LIST(replace(ANYBODY, aliases={"mine": "ollama", "gpt-4o": "local"}))
    aliases = {model.name: model.alias_of for model in listed if model.alias_of}

    assert [model.name for model in listed][-len(aliases) :] == list(aliases)
    assert aliases == {
        "gpt-4o-mini": "local",
        "gpt-4o": "local",
        "named": "llama",
        "whole": "ollama/llama",
        "text-embedding-3-small": "ollama/vectors",
        "llama": "gemini/flash",
        "mine": "ollama",
    }
    assert LIST.find("text-embedding-3-small", ANYBODY).tasks == {Task.EMBED}


def test_an_alias_whose_target_a_client_may_not_use_is_neither_listed_nor_found() -> None:
    client = CLIENTS["ollama's"]

    assert "gpt-4o" not in {model.name for model in LIST(client)}
    with pytest.raises(Forbidden):
        LIST.find("gpt-4o", client)
    with pytest.raises(UnknownModel):
        LIST.find("nowhere", ANYBODY)


@pytest.mark.parametrize("aliases", ["gpt", [("a", "b")], {"a": 1}, {1: "a"}])
def test_aliases_that_are_none_are_refused(aliases: object) -> None:
    with pytest.raises(TypeError, match="aliases: must be a mapping of names to names"):
        PlanRoute(FixedEndpoints(STATES), aliases=aliases)  # type: ignore[arg-type] # what a caller may get wrong
