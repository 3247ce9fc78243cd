"""A plan is made once for calls alike, and anew for any that differs or once the endpoints have changed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints, JoinedEndpoints
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.endpoint_notices import NOTE_SECONDS
from llm_gateway.application.known_endpoints import KnownEndpoints
from llm_gateway.application.plan_route import MAX_PLANS, PlanRoute
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.domain.chat import ChatCall, ChatRequest, Sampling, Text, UserMessage
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import (
    GatewayError,
    InvalidRequest,
    NoRoute,
    ProviderMisconfigured,
    ProviderThrottled,
)
from llm_gateway.domain.media import Image
from llm_gateway.domain.planning import make_plan
from llm_gateway.domain.routing import DEFAULT_ROUTES, EndpointState, Feature, Hint, Plan, Task

from .world import CLOUD, LOCAL, call_of, client_of

CHATS = EndpointState(
    endpoint=LOCAL,
    features=frozenset(Feature) - {Feature.TOP_K},
    left_out=frozenset({"top_k"}),
    tasks=frozenset(Task),
    max_stops=1,
    seed_bits=32,
    media_types=frozenset({"image/png"}),
)
ONLINE = EndpointState(endpoint=CLOUD, features=frozenset(Feature))


class Changing(EndpointDirectory):
    """Tells what it was last given."""

    def __init__(self, *states: EndpointState) -> None:
        self.states: Sequence[EndpointState] = states

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        return self.states


def picture(kind: str) -> ChatCall:
    return ChatCall(
        request=ChatRequest(messages=(UserMessage(content=(Text(text="?"), Image(data=b"x", mime_type=kind))),))
    )


def sampled(call: ChatCall, **fields: object) -> ChatCall:
    return replace(call, request=replace(call.request, sampling=Sampling(**fields)))  # type: ignore[arg-type]


PLAIN = replace(call_of("plain"), hint=Hint.LOCAL)
CALLS = [
    PLAIN,
    replace(PLAIN, hint=Hint.SECURE),
    replace(PLAIN, hint=Hint.ONLINE),
    replace(PLAIN, model="ollama"),
    replace(PLAIN, model="fast"),
    replace(PLAIN, model="nobody"),
    sampled(PLAIN, stop=("a",)),
    sampled(PLAIN, stop=("a", "b")),
    sampled(PLAIN, seed=2**31 - 1),
    sampled(PLAIN, seed=2**31),
    sampled(PLAIN, seed=-(2**31)),
    sampled(PLAIN, seed=-(2**31) - 1),
    sampled(PLAIN, top_k=3),
    picture("image/png"),
    picture("image/gif"),
]
ANYBODY = client_of()
CLIENTS = [
    ANYBODY,
    replace(ANYBODY, hints=frozenset({Hint.SECURE})),
    replace(ANYBODY, models=frozenset({"gemini"})),
    replace(ANYBODY, strict=True),
]


@pytest.mark.parametrize("order", [1, -1])
def test_every_call_and_client_gets_its_own_plan_whatever_was_planned_before(order: int) -> None:
    states = (ONLINE, CHATS)
    plan_route = PlanRoute(FixedEndpoints(states))

    for _ in range(2):
        for call in CALLS[::order]:
            for client in CLIENTS[::order]:
                planned = outcome(partial(plan_route, call, client))
                made = outcome(partial(make_plan, call, client, states, DEFAULT_ROUTES))
                assert planned == made, (call, client)


def test_calls_alike_share_one_plan_also_of_clients_with_the_same_rights() -> None:
    plan_route = PlanRoute(FixedEndpoints((ONLINE, CHATS)))

    plan = plan_route(PLAIN, ANYBODY)

    assert plan_route(replace(PLAIN, request=call_of("another text").request), ANYBODY) is plan
    assert plan_route(PLAIN, client_of("another")) is plan
    embedding = EmbedCall(request=EmbedRequest(inputs=("one",)), model=LOCAL.name)
    assert plan_route.for_embedding(embedding, ANYBODY) is plan_route.for_embedding(embedding, client_of("another"))


def test_a_plan_is_made_anew_once_the_endpoints_have_changed() -> None:
    directory = Changing(ONLINE, CHATS)
    plan_route = PlanRoute(directory)
    plan_route(PLAIN, ANYBODY)

    directory.states = (ONLINE, replace(CHATS, context_length=7))
    assert plan_route(PLAIN, ANYBODY).endpoints == directory.states[1:]

    directory.states = (ONLINE, replace(CHATS, unusable="away"))
    with pytest.raises(NoRoute):
        plan_route(PLAIN, ANYBODY)


def test_no_plan_is_remembered_for_endpoints_that_may_change_in_their_place() -> None:
    directory, states = Changing(), [ONLINE, CHATS]
    directory.states = states
    plan_route = PlanRoute(directory)
    plan_route(PLAIN, ANYBODY)

    states[1] = replace(CHATS, context_length=7)

    assert plan_route(PLAIN, ANYBODY).endpoints == (states[1],)


def test_so_many_plans_are_remembered_and_then_the_first_one_is_forgotten() -> None:
    plan_route = PlanRoute(FixedEndpoints((ONLINE, CHATS)))
    clients = [replace(ANYBODY, models=frozenset({"ollama", f"model-{number}"})) for number in range(MAX_PLANS + 1)]
    plans = [plan_route(PLAIN, client) for client in clients]

    assert plan_route(PLAIN, clients[-1]) is plans[-1]
    assert plan_route(PLAIN, clients[1]) is plans[1]
    assert plan_route(PLAIN, clients[0]) is not plans[0]


def test_a_faulty_call_is_refused_although_its_like_was_planned() -> None:
    plan_route = PlanRoute(FixedEndpoints((ONLINE, CHATS)))
    plan_route(PLAIN, ANYBODY)

    with pytest.raises(InvalidRequest):
        plan_route(replace(PLAIN, timeout=timedelta()), ANYBODY)


def test_joined_endpoints_are_one_tuple_until_one_of_their_directories_tells_something_else() -> None:
    cloud, local = Changing(ONLINE), Changing(CHATS)
    joined = JoinedEndpoints([cloud, local])
    before = joined.snapshot()

    local.states = [replace(CHATS)]  # the same, made anew
    assert joined.snapshot() is before == (ONLINE, CHATS)

    local.states = (replace(CHATS, loading=True),)
    assert joined.snapshot() == (ONLINE, *local.states)


def test_joined_endpoints_that_were_told_the_same_anew_are_compared_once() -> None:
    class Version(str):
        compared = 0

        @override
        def __eq__(self, other: object) -> bool:
            Version.compared += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    local = Changing(replace(CHATS, server_version=Version("1.0")))
    joined = JoinedEndpoints([local])
    joined.snapshot()
    local.states = (replace(CHATS, server_version=Version("1.0")),)
    joined.snapshot()
    assert Version.compared == 1

    joined.snapshot()
    assert Version.compared == 1


def test_joined_endpoints_follow_a_directory_that_changes_a_list_in_its_place() -> None:
    states = [CHATS]
    local = Changing()
    local.states = states
    joined = JoinedEndpoints([Changing(ONLINE), local])
    joined.snapshot()

    states[0] = replace(CHATS, loading=True)

    assert joined.snapshot() == (ONLINE, *states)


async def test_known_endpoints_are_one_tuple_as_long_as_nothing_else_is_known_of_them() -> None:
    clock = ScriptedClock()
    breakers = Breakers(clock)
    known = KnownEndpoints(FixedEndpoints((ONLINE, CHATS)), breakers)
    assert known.snapshot() is known.snapshot()

    breakers.notices.failed(LOCAL.id, ProviderMisconfigured("ollama", "no such model"))
    noted = known.snapshot()
    assert known.snapshot() is noted
    assert noted[1].notes == ("no such model",)

    spent = ProviderThrottled("gemini", "spent", out_until=clock.now() + 2.5)
    breakers.notices.failed(CLOUD.id, spent)
    out = known.snapshot()
    assert known.snapshot() is out
    assert out[0].unusable is not None
    assert out[0].out_for == timedelta(seconds=2.5)

    await clock.advance(1)
    assert known.snapshot()[0].out_for == timedelta(seconds=1.5)
    await clock.advance(1.5)
    assert known.snapshot() == (ONLINE, noted[1])

    breakers.notices.answered(LOCAL.id)
    assert known.snapshot() == (ONLINE, CHATS)
    breakers.notices.failed(LOCAL.id, ProviderMisconfigured("ollama", "another fault"))
    assert known.snapshot()[1].notes == ("another fault",)
    await clock.advance(NOTE_SECONDS)
    assert known.snapshot() == (ONLINE, CHATS)


def outcome(plan: Callable[[], Plan]) -> Plan | str:
    """The plan, or what refuses it."""
    try:
        return plan()
    except GatewayError as error:
        return repr(error)
