"""Which model answers in the place of the one that was asked: aliases move without notice, old names are redirected."""

import logging
import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from llm_gateway.domain.routing import EndpointState, is_name

MAX_SEEN: Final = 16
"""Models that are noticed to answer for one name. Names come from the vendor, and each is logged."""

_MOVES: Final = "-latest"
"""How the names end that mean one model today and another tomorrow."""
_REVISION: Final = re.compile(r"-\d{3}")
"""What the vendor adds to a stable model's name."""

_log = logging.getLogger(__name__)


class AnsweringModels:
    """What the answers of one account tell of who gave them.

    A name is expected to be answered by its own model, an alias by the model that is seen first.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._seen: dict[str, list[str]] = {}
        self._others: dict[str, str] = {}
        self._told: tuple[Sequence[EndpointState], tuple[EndpointState, ...]] = ((), ())

    def saw(self, asked: str, answered: str | None) -> None:
        """An answer to `asked` says that it is `answered`'s. Another than expected is logged when it is first seen."""
        answered = (answered or "").removeprefix("models/")
        if not is_name(answered):
            return
        seen = self._seen.setdefault(asked, [answered if asked.endswith(_MOVES) else asked])
        known = answered in seen
        if not known and len(seen) >= MAX_SEEN:
            return
        other = None if _is_same(answered, seen[0]) else answered
        if other == self._others.get(asked):
            return
        if other is None:
            del self._others[asked]
        else:
            self._others[asked] = other
        self._told = ((), ())
        if not known:
            seen.append(answered)
            _log.warning("%s/%s is answered by %s instead of %s", self._provider, asked, answered, seen[0])

    def told(self, states: Sequence[EndpointState]) -> tuple[EndpointState, ...]:
        """The states with who answers in another's place, as part of the fingerprint too: other answers are to come."""
        given, told = self._told
        if given is not states:
            told = tuple(map(self._with_other, states))
            self._told = (states, told)
        return told

    def _with_other(self, state: EndpointState) -> EndpointState:
        other = self._others.get(state.endpoint.id.model)
        if other is None:
            return state
        fingerprint = f"{state.endpoint.fingerprint} answered_by={other}".lstrip()
        return replace(state, endpoint=replace(state.endpoint, fingerprint=fingerprint), answered_by=other)


def _is_same(answered: str, expected: str) -> bool:
    return answered == expected or (
        answered.startswith(expected) and _REVISION.fullmatch(answered, len(expected)) is not None
    )
