"""What clients leave in messages that they send back: taken out before decoding, and named. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import DecodeError, Raw, Struct, json

from llm_gateway.domain.errors import InvalidRequest

from .fields import Fate, Field
from .json_text import check_names, not_decoded
from .message_count import is_chat
from .requests import decode

T = TypeVar("T")
MAX_LABELS: Final = 32
"""Labels of one request that are named."""
MAX_NAME: Final = 64
"""Of a label's own name, in characters: another tool chose it."""
_ANY = "*"
FUNCTION: Final = "messages[].tool_calls[].function"
ARGUMENTS: Final = "arguments"
"""Of a function: taken whatever JSON they are."""
_SPACE = b" \t\r\n"
_EMPTY = (b"null", b"false", b"[]", b"{}", b'""')
_LONGEST_EMPTY = 16
_members = json.Decoder(dict[str, Raw])
_items = json.Decoder(list[Raw])
_encode = json.Encoder().encode


def is_assistants(members: Mapping[str, Raw]) -> bool:
    return bytes(members.get("role", b"")) == b'"assistant"'


class Labels(Struct, frozen=True, kw_only=True):
    """By the place in a body, such as `messages[].content[]`: the names that are labels, and the places below.

    `known` is what an assistant's message has there, where every other name is a label: by `is_sent_back`, of the
    members of what stands at `items`. `is_counted` is whether what `items` hold was counted in a body.
    """

    names: Mapping[str, frozenset[str]]
    below: Mapping[str, Sequence[tuple[str, str]]]
    known: Mapping[str, frozenset[str]]
    items: str = "messages[]"
    is_sent_back: Callable[[Mapping[str, Raw]], bool] = is_assistants
    is_counted: Callable[[bytes], bool] = is_chat

    def decode(self, decoder: "json.Decoder[T]", body: bytes) -> tuple[T, tuple[str, ...]]:
        """The body as the decoder's type, and the paths of its labels, each kind by its first.

        A body without labels pays nothing for this. Raises `InvalidRequest` as `decode` does.
        """
        try:
            return decode(decoder, body), ()
        except InvalidRequest:
            walk = _Walk(self)
            try:
                if not self.is_counted(
                    body
                ):  # and so its items were not counted, each of which costs the walk microseconds
                    raise
                plain = walk.object(Raw(body), "", "", sent_back=False)
            except (DecodeError, UnicodeDecodeError, RecursionError):
                raise not_decoded(body) from None
            if not walk.changed:
                raise
        check_names(body)  # the walk has the last of two, as decoding has
        return decode(decoder, bytes(plain)), tuple(walk.found.values())


class _Walk:
    """One body's way through the places, in which everything else stays as it was written."""

    def __init__(self, labels: Labels) -> None:
        self.found: dict[str, str] = {}
        self.changed = False
        self._labels = labels

    def object(self, raw: Raw, place: str, at: str, *, sent_back: bool) -> Raw:
        """An object without its labels; what is none as it is."""
        if bytes(raw).lstrip(_SPACE)[:1] != b"{":
            return raw
        members = _members.decode(raw)
        if place == self._labels.items:
            sent_back = self._labels.is_sent_back(members)
        changed = self._drop_labels(members, place, at, sent_back=sent_back)
        if place == FUNCTION:
            changed = _as_text(members, ARGUMENTS) or changed
        for key, below in self._labels.below.get(place, ()):
            if key in members:
                value = members[key]
                members[key] = self._value(value, below, f"{at}.{key}" if at else key, sent_back=sent_back)
                changed = changed or members[key] is not value
        self.changed = self.changed or changed
        return Raw(_encode(members)) if changed else raw

    def _value(self, raw: Raw, place: str, at: str, *, sent_back: bool) -> Raw:
        if not place.endswith("[]"):
            return self.object(raw, place, at, sent_back=sent_back)
        if bytes(raw).lstrip(_SPACE)[:1] != b"[":
            return raw
        before = _items.decode(raw)
        after = [self.object(item, place, f"{at}[{n}]", sent_back=sent_back) for n, item in enumerate(before)]
        return raw if all(map(_same, before, after)) else Raw(_encode(after))

    def _drop_labels(self, members: dict[str, Raw], place: str, at: str, *, sent_back: bool) -> bool:
        names = self._labels.names.get(place, frozenset())
        known = self._labels.known.get(place) if sent_back else None
        dropped = [name for name in members if name in names or (known is not None and name not in known)]
        for name in dropped:
            kind = f"{place}.{name}"
            if not _is_empty(members.pop(name)) and kind not in self.found and len(self.found) < MAX_LABELS:
                self.found[kind] = f"{at}.{name[:MAX_NAME]}"
        return bool(dropped)


def labels_of(fields: Iterable[Field], known: Mapping[str, Iterable[str]], **more: Any) -> Labels:
    """The labels of a table, which are its nested fields without effect; `known` and `more` as in `Labels`."""
    names: dict[str, set[str]] = {}
    for field in fields:
        if field.fate is Fate.NO_EFFECT and not field.top_level:
            place, _, name = field.path.rpartition(".")
            names.setdefault(place, set()).add(name)
    below: dict[str, list[tuple[str, str]]] = {}
    for place in names:
        above, _, key = place.rpartition(".")
        below.setdefault(above, []).append((key.removesuffix("[]"), place))
    return Labels(
        names={place: frozenset(of - {_ANY}) for place, of in names.items()},
        below=below,
        known={place: frozenset(known[place]) for place, of in names.items() if _ANY in of},
        **more,
    )


def _as_text(members: dict[str, Raw], name: str) -> bool:
    """Whether a value was no text: it becomes the text of its JSON, and null an empty one."""
    written = bytes(members.get(name, b'""')).strip(_SPACE)
    if written[:1] == b'"':
        return False
    members[name] = Raw(_encode("" if written == b"null" else written.decode()))
    return True


def _is_empty(raw: Raw) -> bool:
    written = bytes(raw)
    return len(written) <= _LONGEST_EMPTY and written.translate(None, _SPACE) in _EMPTY


def _same(before: object, after: object) -> bool:
    return before is after
