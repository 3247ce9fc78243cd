"""Each rule of the contract's routing section, by example."""

import pytest
from msgspec import structs

from llm_gateway.domain.chat import ChatCall, ChatRequest, ReasoningEffort, Sampling
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import Forbidden, InvalidRequest, NoRoute, UnknownModel
from llm_gateway.domain.features import as_taken
from llm_gateway.domain.planning import make_embedding_plan, make_plan, plan_key
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import (
    DEFAULT_ROUTES,
    Endpoint,
    EndpointId,
    EndpointState,
    Feature,
    Hint,
    Locality,
    Plan,
    Routes,
    Task,
)

from .configurations import REQUESTS

PLAIN, SEEDED, _, WITH_IMAGE = REQUESTS
ANYONE = Client(id=ClientId("one"), namespace="team", quota=Quota())


def state(
    name: str,
    *,
    features: frozenset[Feature] = frozenset(Feature),
    configured: bool = True,
    unusable: str | None = None,
    pin_only: bool = False,
    tasks: frozenset[Task] = frozenset({Task.CHAT}),
) -> EndpointState:
    provider, _, model = name.partition("/")
    locality = Locality.CLOUD if provider == "gemini" else Locality.ON_PREMISES
    return EndpointState(
        endpoint=Endpoint(id=EndpointId(provider=provider, model=model), locality=locality),
        features=features,
        configured=configured,
        unusable=unusable,
        pin_only=pin_only,
        tasks=tasks,
        demonstration=provider == "embedded",
    )


GEMINI = state("gemini/gemini-flash-latest")
OLLAMA = state("ollama/llama3.1")
EMBEDDED = state("embedded/smollm2")
NO_GEMINI = state("gemini/gemini-flash-latest", configured=False, unusable="GEMINI_API_KEY is not set")
NO_OLLAMA = state("ollama/llama3.1", configured=False, unusable="nothing answers at http://localhost:11434")
SMALL = state("ollama/qwen3", pin_only=True)


def plan(
    *endpoints: EndpointState,
    model: str | None = None,
    hint: Hint | None = None,
    request: ChatRequest = PLAIN,
    client: Client = ANYONE,
    routes: Routes = DEFAULT_ROUTES,
) -> Plan:
    return make_plan(ChatCall(request=request, model=model, hint=hint), client, endpoints, routes)


def names(made: Plan) -> list[str]:
    return [state.endpoint.id.provider for state in made.endpoints]


@pytest.mark.parametrize(
    ("hint", "order"),
    [
        (Hint.ONLINE, ["gemini", "ollama"]),
        (Hint.FAST, ["gemini", "ollama"]),
        (Hint.LOCAL, ["ollama"]),
        (Hint.SECURE, ["ollama"]),
        (None, ["ollama"]),
    ],
)
def test_a_hint_is_routed_as_shipped(hint: Hint | None, order: list[str]) -> None:
    made = plan(OLLAMA, GEMINI, EMBEDDED, SMALL, hint=hint)

    assert (names(made), made.hint, made.pinned) == (order, hint, False)


@pytest.mark.parametrize("hint", list(Hint))
def test_a_model_may_be_a_hints_name(hint: Hint) -> None:
    assert plan(OLLAMA, GEMINI, model=hint.value) == plan(OLLAMA, GEMINI, hint=hint)


@pytest.mark.parametrize(
    ("model", "endpoint"),
    [
        ("gemini", GEMINI),
        ("gemini-flash-latest", GEMINI),
        ("ollama", OLLAMA),
        ("ollama/llama3.1", OLLAMA),
        ("embedded", EMBEDDED),
        ("qwen3", SMALL),
        ("ollama/qwen3", SMALL),
    ],
)
def test_a_provider_or_a_model_pins_without_fallback(model: str, endpoint: EndpointState) -> None:
    made = plan(SMALL, GEMINI, OLLAMA, EMBEDDED, model=model)

    assert (made.endpoints, made.pinned) == ((endpoint,), True)


TEXT = EmbedRequest(inputs=("Hello",))
SPELT = structs.replace(OLLAMA, aliases=frozenset(("llama3.1:latest", "library/llama3.1:latest")))
EIGHT_B = structs.replace(state("ollama/llama3.1:8b"), aliases=frozenset(("llama3.1:8b", "library/llama3.1:8b")))


@pytest.mark.parametrize("name", ["llama3.1:latest", "Library/Llama3.1:Latest"])
def test_a_model_may_be_named_by_an_alias(name: str) -> None:
    for model in (name, f"ollama/{name}"):
        assert plan(EIGHT_B, GEMINI, SPELT, model=model).endpoints == (SPELT,)
        embedder = structs.replace(SPELT, tasks=frozenset(Task))
        assert make_embedding_plan(EmbedCall(request=TEXT, model=model), ANYONE, (embedder,)).endpoints == (embedder,)
    with pytest.raises(UnknownModel):
        plan(EIGHT_B, GEMINI, SPELT, model=f"gemini/{name}")


def test_a_name_as_it_stands_goes_before_an_alias() -> None:
    stated = state("large/llama3.1:latest")

    assert plan(SPELT, stated, model="llama3.1:latest").endpoints == (stated,)
    assert plan(SPELT, stated, model="ollama/llama3.1:latest").endpoints == (SPELT,)


def test_a_route_may_name_a_model_by_an_alias() -> None:
    routes = {**DEFAULT_ROUTES, Hint.LOCAL: ("ollama/library/llama3.1:latest", "ollama/llama3.1")}

    assert plan(GEMINI, EIGHT_B, SPELT, hint=Hint.LOCAL, routes=routes).endpoints == (SPELT,)
    assert plan(EIGHT_B, SPELT, model="llama3.1", hint=Hint.LOCAL, routes=routes).endpoints == (SPELT,)
    with pytest.raises(InvalidRequest, match="not in the route"):
        plan(EIGHT_B, SPELT, model="llama3.1:8b", hint=Hint.LOCAL, routes=routes)


def test_a_right_by_an_alias_is_the_right_to_that_model_alone() -> None:
    client = structs.replace(ANYONE, models=frozenset(("ollama/Llama3.1:latest",)))

    for model in ("llama3.1", "ollama", "library/llama3.1:latest", None):
        assert plan(SPELT, EIGHT_B, GEMINI, model=model, client=client).endpoints == (SPELT,)
    for model in ("llama3.1:8b", "gemini"):
        with pytest.raises(Forbidden):
            plan(SPELT, EIGHT_B, GEMINI, model=model, client=client)


def test_a_providers_name_comes_before_a_models_and_a_full_name_before_both() -> None:
    modelled_like_a_provider = state("house/ollama")
    modelled_like_a_name = state("house/ollama/llama3.1")

    made = plan(modelled_like_a_provider, modelled_like_a_name, OLLAMA, model="ollama")
    full = plan(modelled_like_a_provider, modelled_like_a_name, OLLAMA, model="ollama/llama3.1")

    assert made.endpoints == full.endpoints == (OLLAMA,)


@pytest.mark.parametrize("model", ["gpt-4", "", "ollama/", "LOCAL", "gemini/llama3.1"])
def test_an_unknown_model_is_an_error(model: str) -> None:
    with pytest.raises(UnknownModel):
        plan(GEMINI, OLLAMA, model=model)


def test_a_hint_beside_a_model_only_filters() -> None:
    assert names(plan(GEMINI, OLLAMA, model="ollama", hint=Hint.FAST)) == ["ollama"]
    with pytest.raises(InvalidRequest, match="not in the route of the hint local") as refused:
        plan(GEMINI, OLLAMA, model="gemini", hint=Hint.LOCAL)
    assert [fault.path for fault in refused.value.faults] == ["model"]


@pytest.mark.parametrize(("model", "hint"), [("secure", Hint.FAST), ("fast", Hint.SECURE), ("secure", None)])
def test_any_mention_of_secure_wins(model: str, hint: Hint | None) -> None:
    made = plan(GEMINI, OLLAMA, model=model, hint=hint)

    assert (names(made), made.hint) == (["ollama"], Hint.SECURE)


def test_a_model_that_secure_excludes_is_refused_and_never_moved() -> None:
    with pytest.raises(InvalidRequest, match="in the cloud"):
        plan(GEMINI, OLLAMA, model="gemini", hint=Hint.SECURE)


def test_secure_stays_on_the_premises_whatever_its_route_says() -> None:
    routes = {**DEFAULT_ROUTES, Hint.SECURE: ("gemini", "ollama")}

    made = plan(GEMINI, OLLAMA, hint=Hint.SECURE, routes=routes)

    assert names(made) == ["ollama"]
    assert [(skip.name, skip.path) for skip in made.skipped] == [("gemini/gemini-flash-latest", None)]
    with pytest.raises(NoRoute, match="secure requests never go"):
        plan(GEMINI, hint=Hint.SECURE, routes=routes)


def test_an_ollama_model_that_is_hosted_elsewhere_is_cloud_and_not_for_secure() -> None:
    id = EndpointId(provider="ollama", model="gpt-oss:120b-cloud")
    hosted = EndpointState(endpoint=Endpoint(id=id, locality=Locality.CLOUD), features=frozenset())

    assert plan(hosted, hint=Hint.LOCAL).endpoints == (hosted,)
    with pytest.raises(NoRoute):
        plan(hosted, hint=Hint.SECURE)


@pytest.mark.parametrize("hint", [*Hint, None])
def test_the_demonstration_is_the_whole_plan_where_no_provider_of_the_plan_is_configured(hint: Hint | None) -> None:
    made = plan(NO_GEMINI, NO_OLLAMA, EMBEDDED, hint=hint)

    assert names(made) == ["embedded"]
    assert "ollama/llama3.1" in {skip.name for skip in made.skipped}


def test_the_demonstration_stands_in_for_a_route_even_where_another_routes_provider_is_configured() -> None:
    assert names(plan(GEMINI, NO_OLLAMA, EMBEDDED, hint=Hint.LOCAL)) == ["embedded"]
    assert names(plan(GEMINI, NO_OLLAMA, EMBEDDED, hint=Hint.FAST)) == ["gemini"]


def test_the_demonstration_stands_in_where_a_second_hint_leaves_no_configured_provider() -> None:
    made = plan(GEMINI, NO_OLLAMA, EMBEDDED, model="fast", hint=Hint.SECURE)

    assert names(made) == ["embedded"]
    assert made.hint is Hint.SECURE


def test_the_demonstration_is_no_fallback_for_a_provider_that_is_away() -> None:
    away = state("ollama/llama3.1", unusable="does not answer")

    with pytest.raises(NoRoute, match=r"ollama/llama3\.1: does not answer"):
        plan(away, EMBEDDED, hint=Hint.LOCAL)


@pytest.mark.parametrize("route", [("ollama", "embedded"), ("embedded", "ollama")])
def test_the_demonstration_leaves_a_route_that_names_it_beside_a_provider(route: tuple[str, ...]) -> None:
    routes = {**DEFAULT_ROUTES, Hint.LOCAL: route}

    assert names(plan(OLLAMA, EMBEDDED, hint=Hint.LOCAL, routes=routes)) == ["ollama"]
    assert names(plan(NO_OLLAMA, EMBEDDED, hint=Hint.LOCAL, routes=routes)) == ["embedded"]


def test_an_endpoint_that_a_route_names_twice_is_asked_once_where_it_stands_first() -> None:
    routes = {**DEFAULT_ROUTES, Hint.FAST: ("ollama/llama3.1", "gemini", "ollama")}

    assert names(plan(GEMINI, OLLAMA, hint=Hint.FAST, routes=routes)) == ["ollama", "gemini"]


def test_what_cannot_honour_the_request_is_skipped_with_the_field_that_asks() -> None:
    blind = state("gemini/gemini-flash-latest", features=frozenset(Feature) - {Feature.IMAGES})

    made = plan(blind, OLLAMA, hint=Hint.FAST, request=WITH_IMAGE)

    assert names(made) == ["ollama"]
    assert [(skip.name, skip.reason, skip.path) for skip in made.skipped] == [
        ("gemini/gemini-flash-latest", "cannot honour images", "messages[0].content[1]")
    ]


def test_a_pinned_provider_that_cannot_honour_a_parameter_refuses_naming_field_and_provider() -> None:
    plain = state("ollama/llama3.1", features=frozenset())

    with pytest.raises(InvalidRequest, match=r"ollama/llama3\.1 cannot honour seed") as refused:
        plan(plain, model="ollama", request=SEEDED)
    assert [fault.path for fault in refused.value.faults] == ["seed"]


@pytest.mark.parametrize(
    ("sampling", "path"),
    [
        (Sampling(stop=("a", "b", "c")), "stop"),
        (Sampling(seed=2**31), "seed"),
        (Sampling(seed=-(2**31) - 1), "seed"),
        (Sampling(stop=("a", "b"), seed=2**31 - 1), None),
        (Sampling(seed=-(2**31)), None),
    ],
)
def test_what_takes_less_than_the_request_asks_for_is_skipped_and_refuses_where_it_is_named(
    sampling: Sampling, path: str | None
) -> None:
    narrow = structs.replace(GEMINI, max_stops=2, seed_bits=32)
    request = structs.replace(PLAIN, sampling=sampling)

    made = plan(narrow, OLLAMA, hint=Hint.FAST, request=request)

    assert names(made) == (["gemini", "ollama"] if path is None else ["ollama"])
    assert [skip.path for skip in made.skipped] == ([] if path is None else [path])
    if path is not None:
        with pytest.raises(InvalidRequest, match=r"gemini/gemini-flash-latest takes") as refused:
            plan(narrow, model="gemini", request=request)
        assert [fault.path for fault in refused.value.faults] == [path]


def test_where_nothing_is_left_the_request_is_at_fault_only_if_it_is_for_every_endpoint() -> None:
    deaf = state("gemini/gemini-flash-latest", features=frozenset())
    plain = state("ollama/llama3.1", features=frozenset())

    with pytest.raises(InvalidRequest) as refused:
        plan(deaf, plain, hint=Hint.FAST, request=SEEDED)
    assert [fault.path for fault in refused.value.faults] == ["seed", "seed"]
    with pytest.raises(NoRoute) as unlucky:
        plan(NO_GEMINI, plain, hint=Hint.FAST, request=SEEDED)
    assert unlucky.value.why.keys() == {"gemini/gemini-flash-latest", "ollama/llama3.1"}


def test_without_any_endpoint_there_is_no_route_and_each_name_says_why() -> None:
    with pytest.raises(NoRoute) as refused:
        plan(hint=Hint.FAST)

    assert refused.value.why == {"gemini": "not configured", "ollama": "not configured"}


def test_a_client_uses_only_the_hints_and_models_that_it_may() -> None:
    fast_only = Client(id=ClientId("one"), namespace="team", quota=Quota(), hints=frozenset((Hint.FAST,)))
    llama_only = Client(id=ClientId("two"), namespace="team", quota=Quota(), models=frozenset(("ollama",)))

    assert names(plan(GEMINI, OLLAMA, hint=Hint.FAST, client=fast_only)) == ["gemini", "ollama"]
    assert names(plan(GEMINI, OLLAMA, hint=Hint.FAST, client=llama_only)) == ["ollama"]
    for model, client in (("local", fast_only), (None, fast_only), ("gemini", llama_only)):
        with pytest.raises(Forbidden):
            plan(GEMINI, OLLAMA, model=model, client=client)
    with pytest.raises(Forbidden, match="any model of this route"):
        plan(GEMINI, hint=Hint.FAST, client=llama_only)


def test_naming_a_model_does_not_lead_past_the_hints_of_a_key() -> None:
    secure_only = Client(id=ClientId("one"), namespace="team", quota=Quota(), hints=frozenset((Hint.SECURE,)))

    assert names(plan(GEMINI, OLLAMA, model="ollama", client=secure_only)) == ["ollama"]
    with pytest.raises(Forbidden, match="No hint that this key may use leads to gemini"):
        plan(GEMINI, OLLAMA, model="gemini", client=secure_only)


def test_a_key_that_may_only_be_secure_is_secure_without_saying_so() -> None:
    secure_only = structs.replace(ANYONE, hints=frozenset((Hint.SECURE,)))
    call = EmbedCall(request=EmbedRequest(inputs=("Hello",)), model="nomic-embed-text")

    assert plan(GEMINI, OLLAMA, model="ollama", client=secure_only).hint is Hint.SECURE
    assert make_embedding_plan(call, secure_only, (NOMIC,)).hint is Hint.SECURE
    assert plan(GEMINI, OLLAMA, model="ollama").hint is None


NOMIC = state("ollama/nomic-embed-text", pin_only=True, tasks=frozenset({Task.EMBED}))
VECTORS = state("gemini/gemini-embedding-001", pin_only=True, tasks=frozenset({Task.EMBED}))


def embedding_plan(
    *endpoints: EndpointState, model: str, hint: Hint | None = None, client: Client = ANYONE
) -> list[str]:
    call = EmbedCall(request=EmbedRequest(inputs=("Hello",)), model=model, hint=hint)
    return [state.endpoint.name for state in make_embedding_plan(call, client, endpoints).endpoints]


@pytest.mark.parametrize("model", ["ollama/nomic-embed-text", "nomic-embed-text"])
def test_an_embedding_model_embeds_and_is_told_that_it_does_not_chat(model: str) -> None:
    assert embedding_plan(OLLAMA, NOMIC, model=model) == ["ollama/nomic-embed-text"]
    with pytest.raises(InvalidRequest, match="model: ollama/nomic-embed-text does not chat"):
        plan(OLLAMA, NOMIC, model=model)


@pytest.mark.parametrize("model", ["ollama", "ollama/llama3.1", "llama3.1"])
def test_a_chat_model_is_told_that_it_does_not_embed(model: str) -> None:
    with pytest.raises(InvalidRequest, match=r"model: ollama/llama3\.1 does not embed"):
        embedding_plan(OLLAMA, NOMIC, model=model)


def test_a_provider_embeds_by_its_bare_name_where_its_own_model_does() -> None:
    own = state("ollama/nomic-embed-text", tasks=frozenset({Task.EMBED}))
    assert embedding_plan(own, OLLAMA, model="ollama") == ["ollama/nomic-embed-text"]


def test_a_route_passes_an_endpoint_that_only_embeds_and_says_why() -> None:
    own = state("ollama/nomic-embed-text", tasks=frozenset({Task.EMBED}))
    made = plan(GEMINI, own, hint=Hint.FAST)
    assert names(made) == ["gemini"]
    assert [skip.reason for skip in made.skipped] == ["does not chat"]
    with pytest.raises(NoRoute, match="does not chat"):
        plan(GEMINI, own, hint=Hint.LOCAL)


def test_the_model_of_a_name_that_can_do_the_task_is_taken() -> None:
    other = state("more/nomic-embed-text", pin_only=True)
    assert embedding_plan(other, NOMIC, model="nomic-embed-text") == ["ollama/nomic-embed-text"]
    assert names(plan(NOMIC, other, model="nomic-embed-text")) == ["more"]


@pytest.mark.parametrize("model", ["fast", "secure", "nobody", "gemini/nobody"])
def test_neither_a_hints_name_nor_an_unknown_one_is_an_embedding_model(model: str) -> None:
    with pytest.raises(UnknownModel):
        embedding_plan(GEMINI, VECTORS, NOMIC, model=model)


def test_secure_embeds_on_the_premises_only() -> None:
    assert embedding_plan(VECTORS, NOMIC, model="nomic-embed-text", hint=Hint.SECURE) == ["ollama/nomic-embed-text"]
    with pytest.raises(InvalidRequest, match="in the cloud"):
        embedding_plan(VECTORS, NOMIC, model="gemini-embedding-001", hint=Hint.SECURE)


def test_a_keys_models_and_hints_hold_for_embeddings() -> None:
    only = structs.replace(ANYONE, models=frozenset({"ollama"}))
    kept = structs.replace(ANYONE, hints=frozenset({Hint.SECURE}))
    for client in (only, kept):
        assert embedding_plan(VECTORS, NOMIC, model="nomic-embed-text", client=client)
        with pytest.raises(Forbidden):
            embedding_plan(VECTORS, NOMIC, model="gemini-embedding-001", client=client)


def test_an_embedding_model_that_is_away_says_why() -> None:
    away = structs.replace(NOMIC, unusable="not reachable at its address")
    with pytest.raises(NoRoute, match="not reachable"):
        embedding_plan(away, model="nomic-embed-text")


EFFORTS = {Feature.REASONING_EFFORT, Feature.REASONING_OFF, Feature.REASONING_XHIGH}


@pytest.mark.parametrize(
    ("effort", "lacking", "ignored"),
    [
        (ReasoningEffort.XHIGH, {Feature.REASONING_XHIGH}, True),
        (ReasoningEffort.XHIGH, EFFORTS, True),
        (ReasoningEffort.LOW, EFFORTS, True),
        (ReasoningEffort.NONE, {Feature.REASONING_OFF}, True),
        (ReasoningEffort.XHIGH, set(), False),
        (ReasoningEffort.LOW, {Feature.REASONING_XHIGH, Feature.REASONING_OFF}, False),
        (None, EFFORTS, False),
    ],
)
def test_an_effort_that_a_model_has_not_is_named_instead_of_refused_where_the_call_allows_it(
    effort: ReasoningEffort | None, lacking: set[Feature], ignored: bool
) -> None:
    endpoint = state("ollama/llama3.1", features=frozenset(Feature) - lacking)
    request = structs.replace(PLAIN, reasoning_effort=effort)
    call = ChatCall(request=request, model="ollama", nearest_effort=True)
    made = make_plan(call, ANYONE, [endpoint])
    assert set(made.ignored(endpoint.endpoint.id)) == ({"reasoning_effort"} if ignored else set())
    if ignored:
        with pytest.raises(InvalidRequest, match="reasoning_effort"):
            plan(endpoint, model="ollama", request=request)
        with pytest.raises(InvalidRequest, match="reasoning_effort"):
            make_plan(call, structs.replace(ANYONE, strict=True), [endpoint])
    assert plan_key(call, ANYONE) != plan_key(structs.replace(call, nearest_effort=False), ANYONE)


def test_a_model_without_any_effort_is_asked_without_one_and_others_for_the_nearest() -> None:
    request = structs.replace(PLAIN, reasoning_effort=ReasoningEffort.XHIGH)
    call = ChatCall(request=request, model="ollama", nearest_effort=True)
    without = state("ollama/llama3.1", features=frozenset(Feature) - EFFORTS)
    some = state("ollama/llama3.1", features=frozenset(Feature) - {Feature.REASONING_XHIGH})
    (planned,) = make_plan(call, ANYONE, [without]).endpoints
    assert as_taken(request, planned) == PLAIN
    (planned,) = make_plan(call, ANYONE, [some]).endpoints
    assert as_taken(request, planned) is request
