"""Clients of whole gateways over a shared store: whose answers they get, and for how long their keys are good."""

from secrets import token_hex

import pytest

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.bootstrap.stores import open_clients
from llm_gateway.domain.clients import Client, ClientId, digest_of
from llm_gateway.domain.quota import Bucket, Quota

from ..http.served import Served, chat
from ..ports import free_port
from .gateways import Gateways
from .valkey import Valkey


async def status(served: Served, key: str, text: str = "Hello") -> tuple[int, str | None]:
    """Of an answer to this key, and what its cache or its problem says."""
    response = await served.client.post("/api/v1/chat", json=chat(text), headers={"x-api-key": key})
    found = response.headers.get("x-gateway-cache") or response.json()["code"]
    return response.status_code, found


def someone(namespace: str | None = None) -> ClientSettings:
    return ClientSettings(name=f"client-{token_hex(8)}", keys=(Secret(token_hex(16)),), namespace=namespace)


@pytest.mark.usefixtures("patient")
async def test_two_clients_share_no_answer_unless_their_operator_says_so(gateways: Gateways, server: Valkey) -> None:
    team = f"team-{token_hex(8)}"
    others = [someone(), someone(), someone(team), someone(team)]
    plain = [token_hex(16), token_hex(16)]
    one, other = [
        await gateways.open(redis_url=server.url, others=others, api_keys=tuple(map(Secret, plain))) for _ in range(2)
    ]
    alone = [gateways.key, *(client.keys[0].value for client in others[:2]), *plain]
    for key in alone:
        assert await status(one, key) == (200, "miss")
    for key in alone:
        assert await status(other, key) == (200, "hit"), "each has its own"
    assert gateways.calls == len(alone)
    first, second = (client.keys[0].value for client in others[2:])
    assert [await status(one, first), await status(other, second)] == [(200, "miss"), (200, "hit")]


@pytest.mark.usefixtures("patient")
async def test_a_registered_client_is_served_by_every_gateway_until_two_seconds_after_its_end(
    gateways: Gateways, server: Valkey
) -> None:
    clock = ScriptedClock()
    served = [await gateways.open(redis_url=server.url, overrides={"clock": clock}) for _ in range(2)]
    client = Client(id=ClientId(f"registered:{token_hex(8)}"), namespace=token_hex(8), quota=Quota())
    old, new = token_hex(16), token_hex(16)
    async with open_clients(Secret(server.url), Bucket.of(1_000, 1.0)) as clients:
        await clients.create(client, digest_of(old))
        assert [(await status(one, old))[0] for one in served] == [200, 200]
        await clients.rotate(client.id, digest_of(new))
        assert [(await status(one, key))[0] for one in served for key in (old, new)] == [200] * 4, "both live"
        await clients.revoke(client.id, digest_of(old).hex())
        await clock.advance(1.9)
        assert [(await status(one, old))[0] for one in served] == [401, 401]
        assert [(await status(one, new))[0] for one in served] == [200, 200]
        await clients.revoke(client.id)
        await clock.advance(1.9)
        assert [await status(one, new) for one in served] == [(401, "unauthenticated")] * 2


async def test_without_redis_a_registered_key_is_not_called_wrong_and_a_settings_key_goes_on(
    gateways: Gateways,
) -> None:
    served = await gateways.open(redis_url=f"redis://127.0.0.1:{free_port()}")
    assert await status(served, token_hex(16)) == (503, "directory_unavailable")
    assert await status(served, gateways.key) == (200, "miss")
