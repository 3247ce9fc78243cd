"""Ten thousand bodies: each is a call or is refused by name, and nothing that it states is dropped without a word."""

import re
from copy import deepcopy
from typing import Any, Final

import pytest

from llm_gateway.adapters.inbound.http.responses.fields import FIELDS, LEFT_OUT_TOOLS
from llm_gateway.domain.errors import InvalidRequest

from .bodies import told
from .grown import OPAQUE, Grower, Steps, inner, kind_of, walk

BODIES: Final = 10_000
ROWS: Final = {field.path: field for field in FIELDS}
TAKEN: Final = ("id", "status", "phase")
EMPTY: Final[tuple[Any, ...]] = (None, False, "", [], {})
SAYS_NOTHING: Final = {
    "input[].arguments": ("{}",),
    "input[].role": ("developer",),
    "input[].encrypted_content": ("gAAAA",),
    "input[].content[].detail": ("auto",),
    "input[].output[].detail": ("auto",),
    "tool_choice": ("auto",),
    "reasoning.mode": ("standard",),
    "parallel_tool_calls": (True,),
}
"""Values that are as good as none, or are told by more than their path."""


def become(body: Any) -> Any:
    """The call with how it is answered; None where it is refused, which is by the path of something in it."""
    try:
        return told(body)
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
    """Neither what a thing is nor what it is to the client alone."""
    return at[-1] not in ("type", *TAKEN) and (not isinstance(value, dict | list) or at[-1] in OPAQUE)


def check_not_dropped(body: Any, became: Any, at: Steps) -> None:
    """Without a member of it a body becomes another, or is none; or the member is named, or asks for nothing."""
    kind, value = kind_of(at), inner(body, at)
    without = deepcopy(body)
    del inner(without, at[:-1])[at[-1]]
    if become(without) != became or value in EMPTY or value in SAYS_NOTHING.get(kind, ()):
        return
    named = {re.sub(r"\[\d+\]", "[]", path) for path in became[0].ignored}
    row = ROWS.get(kind)
    assert any(is_told(kind, path) for path in named) or (row is not None and not row.asks(value)), (at, value, body)


def is_told(kind: str, path: str) -> bool:
    """By itself, by what holds it, or by the same of another item."""
    return f"{kind}.".startswith(f"{path.partition(' ')[0]}.") or kind.rpartition(".")[2] == path.rpartition(".")[2]


def test_what_is_not_known_is_refused_or_named() -> None:
    grower = Grower(18)
    for _ in range(BODIES // 10):
        body = grower.spoilt()
        became = become(body)
        [(at, value)] = [one for one in walk(body) if one[0][-1] == "unheard_of"]
        left_out = at[0] == "tools" and inner(body, at[:2])["type"] in LEFT_OUT_TOOLS
        if became is not None and value not in EMPTY and not left_out:
            assert any(path.endswith(".unheard_of") for path in became[0].ignored), (at, body)
