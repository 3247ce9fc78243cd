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
        if (account := self._known(client)) is not None:
            for reservation in reservations:
                account.renew(reservation, self._now_ms())

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        if (account := self._known(client)) is not None:
            account.settle(reservation, tokens, self._now_ms())

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        account, now_ms = self._account(client)
        account.spend(requests, tokens, reservation, now_ms)

    def _known(self, client: Client) -> QuotaAccount | None:
        """By the client's quota: one that it had before, under which answers may still end, is counted no more."""
        account = self._accounts.get(client.id)
        same = account is not None and (account.quota is client.quota or account.quota == client.quota)
        return account if same else None

    def _account(self, client: Client) -> tuple[QuotaAccount, int]:
        """The client's account, and the time in milliseconds."""
        now_ms = self._now_ms()
        account = self._known(client)
        if account is None:
            account = self._accounts[client.id] = QuotaAccount(client.quota, now_ms)
        return account, now_ms

    def _now_ms(self) -> int:
        return round(self._clock.monotonic() * 1000)
