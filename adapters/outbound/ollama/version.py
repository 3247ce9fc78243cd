"""The server's version: what it says of it, asked once, and again after it was away."""

import re

from ..vendor_http.errors import HttpRefusal, Malformed
from .client import OllamaClient

SHIFT_FIXED_BY_LOAD = (0, 30)
"""From this version on whether a context may shift is settled when a model is loaded, and a call with another value
loads it anew, beside whoever uses it (ollama's server/sched.go, `needsReload`).
"""

_NO_VERSION = (HttpRefusal, Malformed, ValueError, RecursionError)
"""Of another kind of server, or one that does not say it in this way."""
_NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})")


class ServerVersion:
    """One server's, for all who ask it. `text` is None where it is not known."""

    def __init__(self) -> None:
        self.text: str | None = None
        self._asked = False

    async def learn(self, client: OllamaClient, *, until: float) -> None:
        """Ask, if it was not asked since the server was away. Raises what the client does where it is away now."""
        if self._asked:
            return
        try:
            said = await client.version(until=until)
        except _NO_VERSION:
            said = None
        self.text = said if said and said.isprintable() and len(said) <= 64 else None
        self._asked = True

    def forget(self) -> None:
        """The server was away: another may answer when it is back. Until then it counts as the one that it was."""
        self._asked = False

    @property
    def fixes_shift(self) -> bool:
        """Not where the version is unknown, or a developer's own build (`0.0.0`): a call can't do harm then."""
        found = _NUMBERS.match(self.text or "")
        return found is not None and (int(found[1]), int(found[2])) >= SHIFT_FIXED_BY_LOAD
