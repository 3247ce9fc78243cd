"""Quotas in this process, by the domain's own arithmetic."""

from typing_extensions import override

from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Charge, Decision, ReservationId
from llm_gateway.domain.quota_account import QuotaAccount


class MemoryRateLimiter(RateLimiter):
    """Quotas that are counted in this process, one account for each client.

    Bounded by the clients of the directory. A client whose quota changed begins anew.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[ClientId, QuotaAccount] = {}

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        account, now_ms = self._account(client)
        return account.take(charge, reservation, now_ms)

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        account, now_ms = self._account(client)
        for reservation in reservations:
            account.renew(reservation, now_ms)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        account, now_ms = self._account(client)
        account.settle(reservation, tokens, now_ms)

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        account, now_ms = self._account(client)
        account.spend(requests, tokens, reservation, now_ms)

    def _account(self, client: Client) -> tuple[QuotaAccount, int]:
        """The client's account, and the time in milliseconds."""
        now_ms = round(self._clock.monotonic() * 1000)
        account = self._accounts.get(client.id)
        if account is None or (account.quota is not client.quota and account.quota != client.quota):
            account = self._accounts[client.id] = QuotaAccount(client.quota, now_ms)
        return account, now_ms
