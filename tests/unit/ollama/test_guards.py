"""What keeps a prompt on the premises, guard by guard."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from socket import AddressFamily

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from llm_gateway.adapters.outbound.ollama.client import Clients, OllamaClient
from llm_gateway.adapters.outbound.ollama.failures import OllamaFailures
from llm_gateway.adapters.outbound.ollama.names import hosted_elsewhere, same_model, speaks_harmony, spellings
from llm_gateway.adapters.outbound.ollama.rest import OllamaRest
from llm_gateway.adapters.outbound.ollama.sdk import OllamaSdk
from llm_gateway.adapters.outbound.ollama.transport import ServerAccess
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.addresses import on_premises, resolves_on_premises
from llm_gateway.adapters.outbound.vendor_http.errors import BadAddress
from llm_gateway.domain.errors import ProviderBroken, ProviderMisconfigured, ProviderRefused
from llm_gateway.domain.routing import EndpointId, Locality

TO = EndpointId(provider="ollama", model="llama3.2")
CLOCK = SystemClock()
HANG_SECONDS = 30


class Rebinding(AbstractResolver):
    """A name that leads to one address after the other."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    @override
    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        address = self.addresses.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=AddressFamily.AF_INET, proto=0, flags=0)]

    @override
    async def close(self) -> None: ...


TRANSPORTS = pytest.mark.parametrize("transport", [OllamaRest, OllamaSdk])


@asynccontextmanager
async def client_over(
    transport: type[OllamaRest | OllamaSdk], resolver: AbstractResolver, url: str
) -> AsyncGenerator[OllamaClient, None]:
    async with aclosing(OllamaClient(transport(server_at(url), CLOCK, resolver=resolver))) as client:
        yield client


def server_at(url: str) -> ServerAccess:
    return ServerAccess(base_url=url, guarded=True, api_key=None, max_body_bytes=1 << 20, connect_seconds=10)


def soon() -> float:
    return CLOCK.monotonic() + HANG_SECONDS


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "10.1.2.3", "172.31.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.1"],
)
def test_loopback_and_private_addresses_are_on_the_premises(address: str) -> None:
    assert on_premises(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.32.0.1",
        "192.0.2.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "2001:db8::1",
        "fe80::1%eth0",
        "::ffff:8.8.8.8",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2130706433",
        "localhost",
        "",
    ],
)
def test_every_other_address_is_not(address: str) -> None:
    assert not on_premises(address)


async def test_a_name_is_on_the_premises_where_its_addresses_are() -> None:
    assert await resolves_on_premises("localhost")
    assert not await resolves_on_premises("192.0.2.1")
    assert not await resolves_on_premises("2001:db8::1")


@TRANSPORTS
async def test_a_name_that_comes_to_lead_outside_gets_nothing(transport: type[OllamaRest | OllamaSdk]) -> None:
    async with client_over(transport, Rebinding("192.0.2.1"), "http://ollama.internal:11434") as client:
        with pytest.raises(ProviderRefused, match="neither loopback nor private"), OllamaFailures(TO, lambda: 0.0):
            await client.loaded(until=soon())


@TRANSPORTS
@pytest.mark.parametrize("locality", list(Locality))
async def test_only_a_client_for_the_premises_is_guarded(
    locality: Locality, transport: type[OllamaRest | OllamaSdk]
) -> None:
    clients = Clients("http://127.0.0.1:1", CLOCK, connect=transport)
    client = clients.of(locality)
    assert client is clients.of(locality)
    with pytest.raises(ProviderRefused, match="no connection"), OllamaFailures(TO, lambda: 0.0):
        await client.loaded(until=soon())
    await clients.aclose()


async def test_the_vendors_client_follows_nothing_and_reads_no_environment() -> None:
    transport = OllamaSdk(server_at("http://127.0.0.1:1"), CLOCK)
    assert transport._sdk._client.follow_redirects is False
    assert transport._sdk._client.trust_env is False
    await transport.aclose()


@TRANSPORTS
async def test_what_is_no_address_of_a_server_is_refused_before_anything_is_asked(
    transport: type[OllamaRest | OllamaSdk],
) -> None:
    with pytest.raises(BadAddress):
        transport(server_at("ftp://127.0.0.1"), CLOCK)


@TRANSPORTS
async def test_legacy_spellings_of_an_address_are_not_connected_to(
    transport: type[OllamaRest | OllamaSdk],
) -> None:
    async with client_over(transport, Rebinding(), "http://2130706433:1") as client:
        with pytest.raises((ProviderRefused, ProviderBroken, ProviderMisconfigured)), OllamaFailures(TO, lambda: 0.0):
            await client.loaded(until=soon())


@pytest.mark.parametrize(
    "name",
    [
        "gpt-oss:120b-cloud",
        "glm:cloud",
        "big-cloud",
        "Big-Cloud:latest",
        "big-cloud:LATEST",
        " GLM:Cloud ",
        "glm: CLOUD",
        "library/glm:120b-Cloud",
        "localhost:5000/team/glm:cloud",
        "glm:cloud@sha256:0123",
    ],
)
def test_a_cloud_name_is_hosted_elsewhere(name: str) -> None:
    assert hosted_elsewhere(name)


def test_names_that_mean_the_same_model() -> None:
    assert same_model("llama3.1", "llama3.1:latest")
    assert same_model("Llama3.1:8B", "llama3.1:8b")
    assert not same_model("llama3.1", "llama3.1:8b")


SPELT = {
    "llama3.1": ("Llama3.1:Latest", "library/llama3.1", "registry.ollama.ai/library/llama3.1:latest"),
    "llama3.1:8b": ("library/LLAMA3.1:8B", "Registry.Ollama.AI/library/llama3.1:8b"),
    "someone/mistral": ("someone/mistral:latest", "registry.ollama.ai/someone/Mistral"),
    "hf.co/user/repo:Q4_K_M": ("HF.co/User/Repo:q4_k_m",),
    "hf.co/user/repo": ("hf.co/user/repo:latest",),
    "localhost:5000/team/model": ("localhost:5000/team/model:latest",),
}


@pytest.mark.parametrize(("name", "others"), SPELT.items())
def test_a_model_goes_by_every_spelling_of_its_name_and_by_no_other_models(name: str, others: tuple[str, ...]) -> None:
    for spelling in (name, *others):
        assert spellings(spelling) == spellings(name)
        assert spelling.lower() in spellings(name)
        assert all(same_model(spelling, other) for other in spellings(name))
        for another in SPELT.keys() - {name}:
            assert not same_model(spelling, another)
            assert spelling.lower() not in spellings(another)


@pytest.mark.parametrize(
    "other",
    [
        "llama3.1:8b",
        "someone/llama3.1",
        "hf.co/library/llama3.1",
        "registry.ollama.ai/llama3.1",
        "registry.ollama.ai/someone/llama3.1",
        "library/library/llama3.1",
        "llama3.1:latest:latest",
        "",
    ],
)
def test_what_looks_like_a_spelling_and_is_another_name(other: str) -> None:
    assert not same_model("llama3.1", other)
    assert other not in spellings("llama3.1")


def test_a_local_name_is_not_hosted_elsewhere() -> None:
    assert not hosted_elsewhere("cloudy:8b")


def test_only_gpt_oss_speaks_harmony() -> None:
    assert speaks_harmony("gptoss", "alias")
    assert not speaks_harmony("llama", "gpt-oss-like")
    assert speaks_harmony(None, "someone/gpt-oss:20b")


def test_what_can_not_think_has_no_levels_whatever_its_name() -> None:
    assert speaks_harmony("gptoss", "gpt-oss", ["completion", "thinking"])
    assert not speaks_harmony("llama", "gpt-oss", ["completion"])
    assert not speaks_harmony(None, "gpt-oss", ["completion"])
