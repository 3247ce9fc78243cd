"""A vendor that lets another model answer for a name: told in readiness and as a metric, and by another cache key."""

from typing import Any

import pytest

from llm_gateway.bootstrap.settings import Secret

from ...gemini.payloads import said, stream
from ...gemini.server import GeminiServer
from ...scripted_vendor import Answer, Asked, whole
from ..served import Served, serve

ALIAS = "gemini-flash-latest"
METRIC = f'gateway_answered_by_other{{model="{ALIAS}",provider="gemini"}}'


class Vendor:
    """`model` answers."""

    model = "gemini-3.8-flash"

    def __call__(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return whole({"models": []})
        answer = said({"text": f"By {self.model}."}, finish="STOP") | {"modelVersion": self.model}
        return stream(answer) if "stream" in asked.path else whole(answer)


async def chat(served: Served, text: str, **fields: Any) -> tuple[str, str]:
    body = {"model": ALIAS, "messages": [{"role": "user", "content": text}]}
    response = await served.client.post("/api/v1/chat", json=body | fields)
    assert response.status_code == 200, response.text
    return response.headers["x-gateway-cache"], response.text


async def answered_by(served: Served) -> Any:
    rows = (await served.client.get("/health/ready")).json()["endpoints"]
    return next(row["answered_by"] for row in rows if row["name"] == f"gemini/{ALIAS}")


async def moved(served: Served) -> float:
    lines = (await served.client.get("/metrics")).text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(METRIC))


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_alias_that_moves_is_told_and_asks_the_cache_another_question(streamed: bool) -> None:
    vendor = Vendor()
    async with (
        GeminiServer(vendor).running() as gemini,
        serve(None, gemini_api_key=Secret("any"), gemini_base_url=gemini.url) as served,
    ):
        assert [(await chat(served, "Hi"))[0] for _ in range(2)] == ["miss", "hit"]
        assert (await answered_by(served), await moved(served)) == (None, 0)
        vendor.model = "gemini-4-hydrogen"
        await chat(served, "Something else", stream=streamed)
        assert (await answered_by(served), await moved(served)) == ("gemini-4-hydrogen", 1)
        told, text = await chat(served, "Hi")
        assert (told, "By gemini-4-hydrogen." in text) == ("miss", True)
        assert (await chat(served, "Hi"))[0] == "hit"
