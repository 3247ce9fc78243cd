"""What can go wrong with a store. No message holds a key, a value, an address or a password."""


class StoreError(Exception):
    """A call without a result."""


class StoreAway(StoreError):
    """No result, as the server is away, or will serve again later. Only `StoreUnheard` may have been carried out."""


class StoreUnheard(StoreAway):
    """Asked, and not answered, so that it may have been carried out. The connection tells the breaker of it, once."""


class StoreUnreached(StoreAway):
    """Not asked, for want of a connection. Who connects tells the breaker of it, once."""


class StoreNotHere(StoreAway):
    """The server won't serve, while another may have its name by now."""


class StoreMoving(StoreAway):
    """These keys are on their way to another server of a Cluster: this one serves all others."""


class StoreRefused(StoreError):
    """The server answered with an error. `code` is its first word, such as `NOSCRIPT`; the rest may quote a command."""

    def __init__(self, reply: str) -> None:
        self.code, _, self.rest = reply.partition(" ")
        super().__init__(f"the server answered {self.code}")


class StoreOdd(StoreRefused):
    """The server answered with another type than such a command has: it is not what it is taken for."""

    def __init__(self) -> None:
        super().__init__("")
        self.code = "with another type than was asked for"
        self.args = (f"the server answered {self.code}",)


_NOT_NOW = frozenset(("LOADING", "CLUSTERDOWN"))
"""Codes of a server that will serve again."""
_NOT_HERE = frozenset(("READONLY", "MASTERDOWN", "NOAUTH"))


def failure_of(reply: str) -> StoreError:
    """What an error reply of the server means."""
    refused = StoreRefused(reply)
    if refused.code in _NOT_HERE:
        return StoreNotHere(str(refused))
    if refused.code == "TRYAGAIN":
        return StoreMoving(str(refused))
    return StoreAway(str(refused)) if refused.code in _NOT_NOW else refused
