"""What each Gemini model takes, by the vendor's pages, its SDK 3.6 and live reports of autumn 2026."""

from collections.abc import Container
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct


class Model(Struct, frozen=True, kw_only=True):
    """The defaults are those of a Gemini from 3.5 Flash-Lite on.

    `levels` and `budgets` of thinking: -1 is a budget of the model's own choice. `off`: a budget of 0 does what it
    says. `candidates`: so many in an answer that is not streamed. `own_tools`: the vendor's, beside functions.
    `ids`: the vendor gives each call one, and wants it back; `needs_ids`: on each result, too.
    """

    levels: frozenset[str] = frozenset()
    budgets: Container[int] = ()
    off: bool = True
    sampling: bool = False
    candidates: int = 1
    prefill: bool = False
    tools: bool = True
    json_with_tools: bool = True
    own_tools: bool = True
    ids: bool = True
    needs_ids: bool = True
    signatures: bool = True
    result_parts: bool = True
    office: bool = False
    part_resolution: bool = True
    cache: bool = True
    continues: bool = False


_ANY: Final = range(-1, 65_537)
_NOT_OFF: Final = range(1, 65_537)
_THREE: Final = frozenset({"LOW", "MEDIUM", "HIGH"})
_FOUR: Final = _THREE | {"MINIMAL"}


def _four(levels: frozenset[str]) -> Model:
    return Model(levels=levels, office=True, cache=False, continues=True)


def _three(levels: frozenset[str], budgets: range) -> Model:
    """3 and 3.1: the last with sampling and a prefill."""
    return Model(levels=levels, budgets=budgets, sampling=True, prefill=True, needs_ids=False)


def _two(budgets: Container[int] = ()) -> Model:
    return Model(
        budgets=budgets,
        sampling=True,
        candidates=8,
        prefill=True,
        json_with_tools=False,
        own_tools=False,
        ids=False,
        needs_ids=False,
        signatures=False,
        result_parts=False,
        part_resolution=False,
    )


def _image(levels: frozenset[str] = frozenset()) -> Model:
    return Model(levels=levels, tools=False)


ANY_OF_THEM: Final = Model(levels=_THREE, cache=False)
"""What may be any model: an alias, which moves without notice, takes what all take."""

_TABLE: Final = (
    ("gemini-*-latest", ANY_OF_THEM),
    ("gemini-4-neon", _four(_THREE | {"XHIGH"})),
    ("gemini-4-hydrogen*", _four(_THREE | {"XHIGH"})),
    ("gemini-4-carbon", _four(_THREE)),
    ("gemini-4-argon", _four(_THREE)),
    ("gemini-3.8-flash", Model(levels=_THREE, budgets=_ANY, off=False)),
    ("gemini-3.6-flash", Model(levels=_FOUR, budgets=_ANY)),
    ("gemini-3.5-flash-lite", Model(levels=_FOUR, budgets=_NOT_OFF)),
    ("gemini-3.1-pro-preview*", _three(_THREE, _NOT_OFF)),
    ("gemini-3.1-flash-lite", _three(_FOUR, _ANY)),
    ("gemini-3-flash-preview", _three(_FOUR, _ANY)),
    ("gemini-2.5-pro", _two(frozenset({-1, *range(128, 32_769)}))),
    ("gemini-2.5-flash", _two(range(-1, 24_577))),
    ("gemini-2.5-flash-lite", _two(frozenset({-1, 0, *range(512, 24_577)}))),
    ("gemini-nano-banana-2.1", _image()),
    ("gemini-3.1-flash*-image", _image(frozenset({"MINIMAL", "HIGH"}))),
    ("gemini-3-pro-image", _image()),
    ("gemini-2.5-flash-image", _image()),
    ("gemma-4-31b-it", Model(sampling=True, prefill=True, ids=False, needs_ids=False, signatures=False)),
    ("gemma-4-26b-a4b-it", Model(sampling=True, prefill=True, ids=False, needs_ids=False, signatures=False)),
)
EMBEDDERS: Final = ("gemini-embedding-001", "gemini-embedding-2")
NOT_FOR_NEW_KEYS: Final = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")
_REDIRECTS: Final = (
    ("gemini-3.7-flash", date(2026, 10, 8), "gemini-3.8-flash"),
    ("gemini-3.5-flash", date(2026, 10, 8), "gemini-3.6-flash"),
    ("gemini-2.5-pro", date(2026, 12, 1), "gemini-3.8-flash"),
    ("gemini-2.5-flash", date(2026, 12, 1), "gemini-3.5-flash-lite"),
)


OF_CHATS: Final = (
    *("gemini-flash-latest", "gemini-flash-lite-latest", "gemini-pro-latest", "gemini-4-hydrogen"),
    *("gemini-3.1-pro-preview", "gemini-3.1-pro-preview-customtools"),
    *(name for name, model in _TABLE if model.tools and "*" not in name),
    *(name for name, _, _ in _REDIRECTS if name.startswith("gemini-3")),
)
"""The names of the models that chat, redirected ones among them."""


def target_of(name: str, today: date) -> str:
    """The model that answers for this one, whose rules and whose name in `modelVersion` it has."""
    return next((to for name_of_old, since, to in _REDIRECTS if name_of_old == name and today >= since), name)


def model_of(name: str) -> Model | None:
    """None where the vendor has no such model, or none any more."""
    return next((model for pattern, model in _TABLE if fnmatchcase(name, pattern)), None)
