"""The limiter on a real server, at the time that a test sets: the script that is shipped, with its clock shadowed."""

from typing import Any

from typing_extensions import override

from llm_gateway.adapters.outbound.redis.client.store import LuaScript, Store
from llm_gateway.adapters.outbound.redis.rate_limiter import TAKE_RATES, RedisRateLimiter
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.clients import Client
from llm_gateway.domain.quota import ReservationId

SHADOW = """
local server = redis
local redis = { call = function(name, ...)
  if name == 'TIME' then
    local ms = tonumber(ARGV[#ARGV])
    return { string.format('%.0f', math.floor(ms / 1000)), string.format('%.0f', ms % 1000 * 1000) }
  end
  if name == 'PEXPIRE' then
    return 1 -- by the server's own clock it would be gone at once
  end
  return server.call(name, ...)
end }
"""
SHADOWED = LuaScript(SHADOW + TAKE_RATES.body)


class TimedRateLimiter(RedisRateLimiter):
    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store, SHADOWED)
        self._clock = clock

    @override
    async def _run(
        self, verb: str, client: Client, reservations: tuple[ReservationId, ...], *numbers: int, quick: bool = False
    ) -> Any:
        now_ms = round(self._clock.monotonic() * 1000)
        return await super()._run(verb, client, reservations, *numbers, now_ms, quick=quick)
