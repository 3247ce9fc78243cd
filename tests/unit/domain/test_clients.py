"""What a client may use, and the digest that stands for its key."""

from hashlib import sha256

import pytest

from llm_gateway.domain.clients import Client, ClientId, digest_of
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import EndpointId, Hint

LLAMA = EndpointId(provider="ollama", model="llama3.1")


def client(hints: frozenset[Hint] | None = None, models: frozenset[str] | None = None) -> Client:
    return Client(id=ClientId("one"), namespace="team", quota=Quota(), hints=hints, models=models)


def test_a_digest_is_the_sha_256_of_the_keys_bytes_also_of_bytes_that_are_no_text() -> None:
    assert digest_of("sk-gateway-123") == sha256(b"sk-gateway-123").digest()
    assert digest_of(b"caf\xe9".decode("utf-8", "surrogateescape")) == sha256(b"caf\xe9").digest()


def test_a_client_without_a_list_may_use_everything_and_with_an_empty_one_nothing() -> None:
    assert client().may_hint(Hint.FAST)
    assert client().may_use(LLAMA)
    assert not client(hints=frozenset()).may_hint(Hint.FAST)
    assert not client(models=frozenset()).may_use(LLAMA)


@pytest.mark.parametrize("name", ["ollama", "llama3.1", "ollama/llama3.1"])
def test_a_model_is_permitted_by_any_of_its_names(name: str) -> None:
    assert client(models=frozenset((name, "gemini"))).may_use(LLAMA)


@pytest.mark.parametrize("name", ["llama", "ollama/", "OLLAMA", "gemini/llama3.1"])
def test_no_other_name_permits_a_model(name: str) -> None:
    assert not client(models=frozenset((name,))).may_use(LLAMA)


ALIASES = frozenset(("llama3.1:latest", "library/llama3.1"))


@pytest.mark.parametrize("name", ["Llama3.1:latest", "library/llama3.1", "ollama/LLAMA3.1:latest"])
def test_an_alias_of_a_model_permits_it(name: str) -> None:
    assert client(models=frozenset((name,))).may_use(LLAMA, ALIASES)
    assert not client(models=frozenset((name,))).may_use(LLAMA)


@pytest.mark.parametrize("name", ["llama3.1:8b", "Ollama/llama3.1:latest", "large/llama3.1:latest", "llama3.1:latest/"])
def test_no_other_name_permits_a_model_that_has_aliases(name: str) -> None:
    assert not client(models=frozenset((name,))).may_use(LLAMA, ALIASES)


def test_a_key_that_no_utf8_can_spell_has_a_digest_and_is_nobodys() -> None:
    assert digest_of("\ud800") != digest_of("\udcff")
