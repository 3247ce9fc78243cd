"""Ten thousand bodies: each is a call or is refused by name, and nothing that it states is dropped without a word."""

import re
from copy import deepcopy
from typing import Any, Final

import pytest

from llm_gateway.adapters.inbound.http.messages.fields import FIELDS
from llm_gateway.domain.errors import InvalidRequest

from .bodies import read
from .grown import OPAQUE, Grower, Steps, inner, kind_of, walk

BODIES: Final = 10_000
ROWS: Final = {field.path: field for field in FIELDS}
SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "stream": (None, False),
    "messages[].content[].is_error": (None, False),
    "messages[].content[].content": (None, "", []),
    "messages[].content[].signature": ("",),
    "system": (None, "", []),
    "stop_sequences": (None, []),
    "tools": (None, []),
    "tool_choice.disable_parallel_tool_use": (None, False),
    "thinking.display": (None, "summarized", "updates"),
    "output_config.effort": ("high",),
    "messages[].clear_at": ("never",),
    "cache": (None, {}),
    "context_management.edits": (None, []),
    "messages[].content[].source.media_type": ("application/pdf",),
    "messages[].content[].content[].source.media_type": ("application/pdf",),
}
"""Values that are as good as none."""


def become(body: Any) -> Any:
    """The call with how it is answered; None where it is refused, which is by the path of something in it."""
    refused = None
    try:
        return read(body)
    except InvalidRequest as error:
        refused = error
    assert all(fault.path for fault in refused.faults), (body, refused)
    return None


@pytest.mark.search
def test_each_is_a_call_or_is_refused_by_name_and_loses_nothing_in_silence() -> None:
    grower = Grower(17)
    taken = 0
    for _ in range(BODIES):
        body = grower.body()
        became = become(body)
        if became is None:
            continue
        taken += 1
        places = [at for at, value in walk(body) if isinstance(at[-1], str) and is_leaf(at, value)]
        check_not_dropped(body, became, grower.random.choice(places))
    assert taken > BODIES / 2


def is_leaf(at: Steps, value: object) -> bool:
    """What a thing is may be left unsaid where it can be but one."""
    return at[-1] != "type" and (not isinstance(value, dict | list) or at[-1] in OPAQUE)


def check_not_dropped(body: Any, became: Any, at: Steps) -> None:
    """Without a member of it a body becomes another, or is none; or the member is named, or asks for nothing."""
    kind, value = kind_of(at), inner(body, at)
    without = deepcopy(body)
    del inner(without, at[:-1])[at[-1]]
    if become(without) != became or value is None or value in SAYS_NOTHING.get(kind, ()):
        return
    named = {re.sub(r"\[\d+\]", "[]", path) for path in became[0].ignored}
    row = ROWS.get(kind)
    told = any(f"{kind}.".startswith(f"{path}.") for path in named)
    assert told or (row is not None and not row.asks(value)), (at, value, body)


def test_what_is_not_known_is_refused_or_named() -> None:
    grower = Grower(18)
    for _ in range(BODIES // 10):
        body = grower.spoilt()
        became = become(body)
        asks = any(value not in (None, False, "", [], {}) for at, value in walk(body) if at[-1] == "unheard_of")
        if became is not None and asks:
            assert any(path.endswith(".unheard_of") for path in became[0].ignored), body
