"""Who shares an answer that is drawn by chance, with whom, and who gets one of its own."""

import pytest

from llm_gateway.domain.cache_policy import CacheDirective, CacheMode, CacheSampled
from llm_gateway.domain.cache_use import CacheUse, cache_use
from llm_gateway.domain.chat import ChatRequest, Sampling, UserMessage
from llm_gateway.domain.embedding import EmbedRequest

TEXTS = EmbedRequest(inputs=("Hello",))
SHARED = CacheUse(mode=CacheMode.USE, joins=True)
ALONE = CacheUse(mode=CacheMode.USE)
OWN = CacheUse(mode=CacheMode.BYPASS, sampled=True)
SAMPLINGS = {
    "unstated": (Sampling(), ALONE),
    "by default": (Sampling(temperature=0.7, temperature_by_default=True), ALONE),
    "zero": (Sampling(temperature=0.0), SHARED),
    "less than zero, which is zero": (Sampling(temperature=-0.0), SHARED),
    "above zero": (Sampling(temperature=0.1), OWN),
    "the most": (Sampling(temperature=2.0), OWN),
    "above zero, of the likeliest": (Sampling(temperature=1.0, top_p=0.1, top_k=1), OWN),
    "seeded": (Sampling(temperature=1.0, seed=7), SHARED),
    "seeded with nothing": (Sampling(temperature=1.0, seed=0), SHARED),
    "seeded alone": (Sampling(seed=7), SHARED),
}


def chat(sampling: Sampling) -> ChatRequest:
    return ChatRequest(messages=(UserMessage(content="Hello"),), sampling=sampling)


@pytest.mark.parametrize("name", SAMPLINGS)
def test_of_callers_that_take_samples_of_their_own_what_is_drawn_is_not_shared(name: str) -> None:
    sampling, use = SAMPLINGS[name]
    assert cache_use(chat(sampling), CacheDirective(own_samples=True), CacheSampled.NATIVE) == use


@pytest.mark.parametrize("name", SAMPLINGS)
def test_the_others_share_as_the_original_does(name: str) -> None:
    assert cache_use(chat(SAMPLINGS[name][0]), CacheDirective(), CacheSampled.NATIVE) == SHARED


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("own_samples", [True, False])
def test_the_operator_decides_for_all(name: str, own_samples: bool) -> None:
    sampling, use = SAMPLINGS[name]
    directive = CacheDirective(own_samples=own_samples)
    assert cache_use(chat(sampling), directive, CacheSampled.ALWAYS) == SHARED
    assert cache_use(chat(sampling), directive, CacheSampled.NEVER) == use


@pytest.mark.parametrize("setting", CacheSampled)
@pytest.mark.parametrize("name", SAMPLINGS)
def test_what_a_request_states_goes_before(name: str, setting: CacheSampled) -> None:
    request = chat(SAMPLINGS[name][0])
    use = cache_use(request, CacheDirective(mode=CacheMode.USE, own_samples=True), setting)
    bypass = cache_use(request, CacheDirective(mode=CacheMode.BYPASS, own_samples=True), setting)
    assert (use, bypass) == (SHARED, CacheUse(mode=CacheMode.BYPASS))


@pytest.mark.parametrize("name", SAMPLINGS)
def test_who_refreshes_a_drawn_answer_asks_alone_and_keeps_it(name: str) -> None:
    sampling, use = SAMPLINGS[name]
    refresh = CacheDirective(mode=CacheMode.REFRESH, own_samples=True)
    assert cache_use(chat(sampling), refresh, CacheSampled.NATIVE) == CacheUse(mode=CacheMode.REFRESH, joins=use.joins)


@pytest.mark.parametrize("setting", CacheSampled)
@pytest.mark.parametrize("own_samples", [True, False])
def test_embeddings_are_always_shared(own_samples: bool, setting: CacheSampled) -> None:
    assert cache_use(TEXTS, CacheDirective(own_samples=own_samples), setting) == SHARED
