"""Whether a server that was connected to is one that can keep what is written to it."""

from .command_pipe import CommandPipe, packed
from .failures import StoreNotHere, StoreRefused

_PING = packed("PING")
_ROLE = packed("ROLE")


async def check_role(pipe: CommandPipe, *, clustered: bool) -> None:
    """Raises `StoreAway`. A server of a Cluster sends on what it does not have, so a replica there will do.

    There is always a first answer: a server that has no room for one more says so in it.
    """
    if clustered:
        await pipe.send(_PING)
        return
    try:
        role = await pipe.send(_ROLE)
    except StoreRefused as error:
        if error.code == "NOPERM" or "unknown command" in error.rest:
            return  # a user, or a service, without it: a replica still refuses what is written
        raise
    match role:
        case [b"master", *_]:
            return
        case [b"slave", *_]:
            raise StoreNotHere("the server is a replica")
        case [b"sentinel", *_]:
            raise StoreNotHere("the server is a Sentinel: write redis+sentinel://")
        case _:
            raise StoreNotHere("the server does not answer as Redis does")
