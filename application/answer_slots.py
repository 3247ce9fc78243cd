"""How many answers a process makes at once, and how many of them one client may have."""

from datetime import timedelta
from typing import Final

from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.errors import Overloaded

SHARE_TAKEN: Final = "This client has half of the answers that this gateway makes at once, which is the most for one."
LONGEST_WAIT_SECONDS: Final = 60.0
_WEIGHT: Final = 1 / 64


class AnswerSlots:
    """At most `most` at once, and of these at most half for one client, so that there is room for another.

    Each also takes one of `within`, if given. What is kept is bounded by `most`, and all costs the same at any number.
    """

    def __init__(self, most: int, within: "AnswerSlots | None" = None) -> None:
        self.taken = 0
        self._most = most
        self._share = max(1, most // 2)
        self._within = within
        self._by_client: dict[ClientId, int] = {}
        self._seconds = 0.0
        self._squares = 0.0

    def take(self, client: ClientId) -> Overloaded | None:
        """None where the client has one now, which is to be given back; or why it has none."""
        own = self._by_client.get(client, 0)
        if self.taken >= self._most:
            return Overloaded(retry_after=self._wait())
        if own >= self._share:
            return Overloaded(SHARE_TAKEN, retry_after=self._wait())
        if self._within is not None and (refused := self._within.take(client)) is not None:
            return refused
        self.taken += 1
        self._by_client[client] = own + 1
        return None

    def give_back(self, client: ClientId, seconds: float) -> None:
        """One of the client's, which took so long."""
        self.taken -= 1
        own = self._by_client[client] - 1
        if own:
            self._by_client[client] = own
        else:
            del self._by_client[client]
        self._seconds += (seconds - self._seconds) * _WEIGHT
        self._squares += (seconds * seconds - self._squares) * _WEIGHT
        if self._within is not None:
            self._within.give_back(client, seconds)

    def _wait(self) -> timedelta:
        """How long what is under way goes on, on the average, if it takes as long as what ended last.

        Long ones are met more often: the mean of what is left of one is E[t²] / 2 E[t], as of any renewal process.
        """
        if not self._seconds:
            return timedelta(seconds=1)
        return timedelta(seconds=min(max(1.0, self._squares / (2 * self._seconds)), LONGEST_WAIT_SECONDS))
