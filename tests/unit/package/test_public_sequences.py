"""Every public type that takes a sequence: a list is held as a tuple, and anything but the right items is refused."""

import enum
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

import llm_gateway
from llm_gateway import (
    AssistantMessage,
    Endpoint,
    EndpointId,
    EndpointState,
    Fault,
    FixedEndpoints,
    Hint,
    Image,
    InvalidRequest,
    Locality,
    PlanRoute,
    Settings,
    SystemMessage,
    Text,
    ToolMessage,
    UserMessage,
)

BUILT_BY_THE_GATEWAY = {"Gateway"}
"""Its one maker is the container."""
MESSAGES = (AssistantMessage, SystemMessage, ToolMessage, UserMessage)
STRUCTS = [
    kind
    for kind in (getattr(llm_gateway, name) for name in llm_gateway.__all__ if name not in BUILT_BY_THE_GATEWAY)
    if isinstance(kind, type) and issubclass(kind, Struct)
]


def example(hint: Any) -> Any:
    """A value of a type, as plain as can be."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated or origin is typing.Literal:
        return example(arguments[0]) if origin is typing.Annotated else arguments[0]
    if origin in (typing.Union, types.UnionType):
        return None if types.NoneType in arguments else example(arguments[0])
    if origin in (tuple, frozenset):
        return origin((example(arguments[0]),))
    if origin in (dict, Mapping):
        return {example(arguments[0]): example(arguments[1])} if arguments[1] is not object else {}
    if isinstance(hint, typing.NewType):
        return example(hint.__supertype__)
    if issubclass(hint, enum.Enum):
        return next(iter(hint))
    if issubclass(hint, Struct):
        return hint(**given(hint))
    return {str: "x", bytes: b"x", timedelta: timedelta(1), llm_gateway.Secret: llm_gateway.Secret("x")}.get(
        hint
    ) or hint(1)


def given(kind: type[Struct]) -> dict[str, Any]:
    """A value for each field that has no default."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        field.name: example(hints[field.name])
        for field in fields(kind)
        if field.default is NODEFAULT and field.default_factory is NODEFAULT
    }


def sequences(hint: Any) -> Iterator[Any]:
    """The tuples and sets that a field may be."""
    if typing.get_origin(hint) in (tuple, frozenset):
        yield hint
    elif typing.get_origin(hint) in (typing.Annotated, typing.Union, types.UnionType):
        for argument in typing.get_args(hint):
            yield from sequences(argument)


FIELDS = [
    pytest.param(kind, name, held, id=f"{kind.__name__}.{name}")
    for kind in STRUCTS
    for name, hint in typing.get_type_hints(kind, include_extras=True).items()
    for held in sequences(hint)
]
each_field = pytest.mark.parametrize(("kind", "name", "held"), FIELDS)


def test_there_are_fields_to_try() -> None:
    assert len(FIELDS) > 25


@each_field
def test_a_text_is_one_text_of_a_message_and_refused_elsewhere(kind: type[Struct], name: str, held: Any) -> None:
    if issubclass(kind, MESSAGES) and name == "content":
        made = kind(**given(kind) | {name: "hi"})
        assert getattr(made, name) == (Text(text="hi"),)
    else:
        with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{name}: "):
            kind(**given(kind) | {name: "hi"})


@each_field
@pytest.mark.parametrize(
    "wrong",
    [[object()], (object(),), [["hi"]], [None], [b"hi"], b"hi", 5, iter(()), {"hi": "hi"}],
    ids=lambda wrong: type(wrong).__name__ + str(len(wrong) if hasattr(wrong, "__len__") else ""),
)
def test_wrong_items_and_what_is_no_sequence_are_refused(
    kind: type[Struct], name: str, held: Any, wrong: object
) -> None:
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{name}(\[0\])?: "):
        kind(**given(kind) | {name: wrong})


@each_field
def test_a_list_of_right_items_is_held_as_a_tuple(kind: type[Struct], name: str, held: Any) -> None:
    right = example(held)
    made = getattr(kind(**given(kind) | {name: list(right)}), name)
    assert (type(made), made) == (typing.get_origin(held), right)


@each_field
def test_a_wrong_item_behind_right_ones_is_named(kind: type[Struct], name: str, held: Any) -> None:
    right = list(example(held))
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{name}\[1\]: "):
        kind(**given(kind) | {name: [*right, object()]})


@pytest.mark.parametrize("content", [["hi"], ("hi",), [Text(text="hi"), "hi"]], ids=repr)
@pytest.mark.parametrize("kind", MESSAGES)
def test_a_list_of_plain_strings_is_no_content(kind: Callable[..., Struct], content: object) -> None:
    more = {"tool_call_id": "call-1"} if kind is ToolMessage else {}
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.content\[[01]\]: .* not str"):
        kind(content=content, **more)


def test_a_user_s_content_may_hold_images() -> None:
    picture = Image(data=b"\x89", mime_type="image/png")
    assert UserMessage(content=[Text(text="hi"), picture]).content == (Text(text="hi"), picture)


def test_a_vector_is_a_sequence_of_numbers() -> None:
    me = EndpointId(provider="mine", model="m")
    made = llm_gateway.EmbedReply(endpoint=me, model="m", vectors=[[0.5, 1]], prompt_tokens=1)  # type: ignore[arg-type]
    assert made.vectors == ((0.5, 1),)
    for wrong in ([["a", "b"]], ["ab"], [[0.5], [None]], [{0.5: 1}]):
        with pytest.raises(TypeError, match=r"^EmbedReply\.vectors\[[01]\]: "):
            llm_gateway.EmbedReply(endpoint=me, model="m", vectors=wrong, prompt_tokens=1)  # type: ignore[arg-type]


STATE = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="mine", model="m"), locality=Locality.ON_PREMISES), features=frozenset()
)


@pytest.mark.parametrize("wrong", ["mine", [object()], 5], ids=["text", "items", "number"])
def test_what_is_no_struct_refuses_wrong_sequences_too(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^InvalidRequest\.faults"):
        InvalidRequest(wrong)
    with pytest.raises(TypeError, match=r"^FixedEndpoints\.states"):
        FixedEndpoints(wrong)
    assert InvalidRequest([Fault(path="", message="no")]).faults == (Fault(path="", message="no"),)
    assert FixedEndpoints(iter([STATE])).snapshot() == (STATE,)


@pytest.mark.parametrize("route", ["mine", b"mine", 5, [5]], ids=repr)
def test_a_route_is_a_sequence_of_names(route: Any) -> None:
    with pytest.raises(TypeError, match=r"routes\.local"):
        PlanRoute(FixedEndpoints([STATE]), {Hint.LOCAL: route})
    with pytest.raises(TypeError, match=r"routes\.local"):
        Settings(routes={Hint.LOCAL: route})
    Settings(routes={Hint.LOCAL: ["mine"]})  # type: ignore[dict-item]
