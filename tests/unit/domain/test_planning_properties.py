"""What holds for every plan, whatever the endpoints, routes, clients and calls."""

from collections.abc import Hashable, Sequence

from msgspec.structs import replace

from llm_gateway.domain.errors import Forbidden, InvalidRequest, NoRoute, UnknownModel
from llm_gateway.domain.features import fields_used
from llm_gateway.domain.parameters import FEATURES
from llm_gateway.domain.planning import plan_key
from llm_gateway.domain.routing import EndpointState, Hint, Locality, Plan, Task

from .configurations import World, embedding_outcomes, outcomes, plans


def test_the_worlds_are_of_every_kind_so_that_what_follows_says_something() -> None:
    made = plans()

    assert len(made) > 800
    assert sum(Hint.SECURE in world.hints for world, _ in made) > 200
    assert sum(len(world.hints) > 1 for world, _ in made) > 50
    assert sum(len(plan.endpoints) > 1 for _, plan in made) > 200
    assert sum(plan.endpoints[0].demonstration for _, plan in made) > 50
    for kind in (UnknownModel, Forbidden, InvalidRequest, NoRoute):
        assert sum(isinstance(outcome, kind) for _, outcome in outcomes()) > 50, kind


def test_planning_raises_its_documented_errors_and_no_other() -> None:
    for world, outcome in outcomes():
        assert isinstance(outcome, Plan | UnknownModel | Forbidden | InvalidRequest | NoRoute), world


def test_no_plan_for_secure_holds_a_cloud_endpoint() -> None:
    for world, plan in plans():
        if Hint.SECURE in world.hints:
            assert plan.hint is Hint.SECURE, world
            assert {state.endpoint.locality for state in plan.endpoints} == {Locality.ON_PREMISES}, world


def test_the_demonstration_never_shares_a_plan_with_a_provider() -> None:
    for world, plan in plans():
        assert len({state.demonstration for state in plan.endpoints}) == 1, world


def test_the_demonstration_is_routed_to_only_where_no_provider_that_the_hint_leaves_of_the_route_is_configured() -> (
    None
):
    for world, plan in plans():
        if plan.endpoints[0].demonstration and not plan.pinned and len(world.hints) < 2:
            route = world.routes[next(iter(world.hints), Hint.LOCAL)]
            for state in world.endpoints:
                if Hint.SECURE in world.hints and state.endpoint.locality is Locality.CLOUD:
                    continue
                assert state.demonstration or not state.configured or not _places(route, state), world


def test_a_pinned_plan_is_the_one_endpoint_that_was_named() -> None:
    for world, plan in plans():
        if plan.pinned:
            (state,) = plan.endpoints
            named = (state.endpoint.name, state.endpoint.id.provider, state.endpoint.id.model)
            assert world.call.model in named, world


def test_a_plan_names_each_endpoint_once_and_only_such_as_can_and_may_answer() -> None:
    for world, plan in plans():
        assert plan.endpoints, world
        assert len({state.endpoint.name for state in plan.endpoints}) == len(plan.endpoints), world
        for state in plan.endpoints:
            assert state in world.endpoints, world
            assert state.configured, world
            assert state.unusable is None, world
            for field in fields_used(world.call.request):
                assert FEATURES[field] in {None, *state.features} or field in state.left_out, world
            assert Task.CHAT in state.tasks, world
            assert world.client.may_use(state.endpoint.id), world


def test_every_hint_that_was_mentioned_is_permitted_and_leads_to_every_endpoint() -> None:
    for world, plan in plans():
        for hint in world.hints or (set() if plan.pinned else {Hint.LOCAL}):
            assert world.client.may_hint(hint), world
            for state in plan.endpoints:
                named = {state.endpoint.name, state.endpoint.id.provider}
                assert state.demonstration or named.intersection(world.routes[hint]), world


def test_endpoints_stand_in_the_order_of_the_route() -> None:
    for world, plan in plans():
        if len(world.hints) < 2 and not plan.pinned and not plan.endpoints[0].demonstration:
            route = world.routes[next(iter(world.hints), Hint.LOCAL)]
            places = [min(_places(route, state)) for state in plan.endpoints]
            assert places == sorted(places), world


def _places(route: Sequence[str], state: EndpointState) -> list[int]:
    provider = None if state.pin_only else state.endpoint.id.provider
    return [place for place, name in enumerate(route) if name in (state.endpoint.name, provider)]


def test_a_pin_only_endpoint_is_routed_to_only_where_the_route_names_it_in_full() -> None:
    for world, plan in plans():
        for state in plan.endpoints:
            if state.pin_only and not state.demonstration and not plan.pinned and len(world.hints) < 2:
                assert state.endpoint.name in world.routes[next(iter(world.hints), Hint.LOCAL)], world


def test_a_refusal_blames_the_request_with_paths_and_the_world_with_reasons() -> None:
    for world, outcome in outcomes():
        if isinstance(outcome, InvalidRequest):
            assert all(fault.path and fault.message for fault in outcome.faults), world
        if isinstance(outcome, NoRoute):
            assert all(outcome.why.values()), world


def embedding_plans() -> list[tuple[World, Plan]]:
    return [(world, outcome) for world, outcome in embedding_outcomes() if isinstance(outcome, Plan)]


def test_the_embeddings_are_of_every_kind() -> None:
    assert len(embedding_plans()) > 100
    assert sum(plan.hint is Hint.SECURE for _, plan in embedding_plans()) > 20
    for kind in (UnknownModel, Forbidden, InvalidRequest, NoRoute):
        assert sum(isinstance(outcome, kind) for _, outcome in embedding_outcomes()) > 50, kind


def test_planning_an_embedding_raises_its_documented_errors_and_no_other() -> None:
    for world, outcome in embedding_outcomes():
        assert isinstance(outcome, Plan | UnknownModel | Forbidden | InvalidRequest | NoRoute), world


def test_an_embeddings_plan_is_the_one_named_endpoint_that_embeds_and_may_be_used() -> None:
    for world, plan in embedding_plans():
        (state,) = plan.endpoints
        assert plan.pinned, world
        assert Task.EMBED in state.tasks, world
        assert state.configured, world
        assert state.unusable is None, world
        assert world.client.may_use(state.endpoint.id), world
        named = (state.endpoint.name, state.endpoint.id.provider, state.endpoint.id.model)
        assert (world.call.model or "small") in named, world
        if world.call.model == state.endpoint.id.provider:
            assert not state.pin_only, world


def test_no_embedding_for_secure_is_planned_into_the_cloud() -> None:
    for world, plan in embedding_plans():
        if world.call.hint is Hint.SECURE:
            assert plan.hint is Hint.SECURE, world
            assert plan.endpoints[0].endpoint.locality is Locality.ON_PREMISES, world


def test_a_key_that_is_kept_to_hints_embeds_only_where_they_lead() -> None:
    for world, plan in embedding_plans():
        if world.client.hints is not None:
            (state,) = plan.endpoints
            ways = [world.call.hint] if world.call.hint is not None else list(world.client.hints)
            assert world.client.hints.issuperset(ways), world
            assert any(
                state.demonstration or {state.endpoint.name, state.endpoint.id.provider} & set(world.routes[hint])
                for hint in ways
            ), world


def test_calls_with_equal_keys_have_equal_plans_among_the_same_endpoints() -> None:
    worlds = [world for world, _ in outcomes()[:500]]
    shared = 0
    for place in worlds[::25]:
        planned: dict[Hashable, Plan | str] = {}
        for world in worlds:
            key = plan_key(world.call, world.client)
            if key is not None:
                made = replace(place, call=world.call, client=world.client).outcome()
                outcome = made if isinstance(made, Plan) else repr(made)
                shared += key in planned
                assert planned.setdefault(key, outcome) == outcome, world
    assert shared > 1000
