"""Gemini's signatures over a shared store: one gateway keeps what another gives back, and neither needs the store."""

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..http.test_dropped_signatures import STAND_IN, STAND_IN_IN_BASE64, gateways, loop
from ..ports import free_port
from .valkey import Valkey


@pytest.mark.usefixtures("patient")
async def test_three_rounds_each_at_another_gateway_send_no_stand_in(server: Valkey) -> None:
    async with gateways(2, "gemini-3.8-flash", redis_url=Secret(server.url)) as (gemini, served):
        assert (await loop(served))["content"] == "Done."
        assert STAND_IN_IN_BASE64 not in gemini.received
        metrics = (await served[1].client.get("/metrics")).text
        assert 'gateway_redis_duration_seconds_count{operation="get_signatures"}' in metrics


async def test_without_the_store_the_stand_in_is_sent_and_the_failure_is_counted() -> None:
    away = Secret(f"redis://127.0.0.1:{free_port()}")
    async with gateways(1, "gemini-3.8-flash", or_else=STAND_IN, cache_redis_url=away) as (gemini, served):
        assert (await loop(served))["content"] == "Done."
        assert STAND_IN_IN_BASE64 in gemini.received
        metrics = (await served[0].client.get("/metrics")).text
        assert 'gateway_redis_failures_total{operation="put_signatures"}' in metrics
        assert 'gateway_redis_failures_total{operation="get_signatures"}' in metrics
