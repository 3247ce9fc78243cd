"""Lua for a store, and what it answers."""

from hashlib import sha1

from .command_pipe import RedisReply


class LuaScript:
    """Lua that is sent once to each server, and asked for by its digest from then on.

    `answer` is the type of what it returns, or the types of a row; without it that may be anything.
    """

    def __init__(self, body: str, answer: type | tuple[type, ...] | None = None) -> None:
        self.body = body
        self.digest = sha1(body.encode(), usedforsecurity=False).hexdigest()
        self._row = list(answer) if isinstance(answer, tuple) else None
        self._one = answer if isinstance(answer, type) else object

    def fits(self, reply: RedisReply) -> bool:
        if self._row is None:
            return isinstance(reply, self._one)
        return isinstance(reply, list) and list(map(type, reply)) == self._row
