"""What the operator sets for every call to a server."""

import re
from math import inf

from msgspec import Struct

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


class Options(Struct, frozen=True, kw_only=True):
    """`keep_alive` is the vendor's: a duration such as `10m`, a number of seconds, negative for ever, 0 not at all."""

    num_ctx: int | None = None
    keep_alive: str | None = None

    @property
    def sent_keep_alive(self) -> str | float | None:
        """As the API takes it, which wants a unit in a string, unlike the server's own variable."""
        if self.keep_alive is None:
            return None
        try:
            return float(self.keep_alive)
        except ValueError:
            return self.keep_alive

    @property
    def loaded_seconds(self) -> float:
        """How long a model stays loaded after an answer, as far as these options say."""
        if self.keep_alive is None:
            return inf
        sent = self.sent_keep_alive
        if isinstance(sent, float):
            return inf if sent < 0 else sent
        text = self.keep_alive.strip()
        if text.startswith("-"):
            return inf
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
