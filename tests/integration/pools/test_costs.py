"""What a pool's answers cost: a price of the pool's is each member's, and `explain` tells what all of them have."""

from collections.abc import Iterable

import pytest

from llm_gateway.bootstrap.settings import PoolSettings, PriceSettings, ProviderSettings

from ..http.served import chat, serve
from ..ollama.server import OllamaServer
from ..ops.prompted_providers import ollama as prompted


def price(provider: str) -> PriceSettings:
    return PriceSettings(provider=provider, names=("llama*",), input=1_000_000, output=0)


@pytest.mark.parametrize(
    ("priced", "told", "known"),
    [(["pool"], True, True), (["b", "a"], True, True), (["a"], False, True), ([], False, False)],
    ids=["the pool's", "each member's", "that of one", "none"],
)
async def test_explain_and_the_answer_tell_it(priced: Iterable[str], told: bool, known: bool) -> None:
    async with OllamaServer().running() as server:
        server.scripts = [prompted]
        rows = [ProviderSettings(name=name, kind="ollama", model="llama3.1", base_url=server.url) for name in "ab"]
        async with serve(
            None,
            providers=tuple(rows),
            pools=(PoolSettings(name="pool", pool=("a", "b")),),
            prices=tuple(price(name) for name in priced),
        ) as served:
            explained = (await served.client.post("/api/v1/explain", json=chat(model="pool"))).json()
            answered = await served.chat(model="pool")
    (endpoint,) = explained["endpoints"]
    assert (endpoint["price"] is not None) is told
    prompt = answered.json()["usage"]["prompt_tokens"]
    assert answered.headers["x-gateway-cost"] == (str(1_000_000 * prompt) if known else "unknown")
