"""The package's front: what it names is there, and whatever a public signature mentions is public too."""

import inspect
import typing
from collections.abc import Callable, Iterator

import pytest

import llm_gateway

PUBLIC = {name: getattr(llm_gateway, name) for name in llm_gateway.__all__}
INTERNAL = {"Flights", "Telemetry"}
"""Of a `Gateway`, for its own server."""


def mentioned(hint: object) -> Iterator[str]:
    """The gateway's own types in an annotation."""
    if isinstance(hint, type | typing.NewType) and hint.__module__.startswith("llm_gateway."):
        yield hint.__name__
    for argument in hint if isinstance(hint, list) else typing.get_args(hint):
        yield from mentioned(argument)


def signatures(value: object) -> Iterator[Callable[..., object]]:
    """What carries annotations: a function, or a class with its public methods."""
    if isinstance(value, type):
        yield value
        members = [member for name, member in vars(value).items() if name == "__call__" or not name.startswith("_")]
    else:
        members = [value]
    for member in members:
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function):
            yield function


def test_every_exported_name_is_there_and_no_other() -> None:
    assert all(value is not None for value in PUBLIC.values())
    assert set(PUBLIC) == set(llm_gateway._HOME)
    with pytest.raises(AttributeError, match="nobody"):
        llm_gateway.nobody  # noqa: B018 - asked for, to be refused


def test_whatever_a_public_signature_mentions_is_public() -> None:
    names = {
        name
        for value in PUBLIC.values()
        for signature in signatures(value)
        for hint in typing.get_type_hints(signature).values()
        for name in mentioned(hint)
    }
    assert names - set(PUBLIC) == INTERNAL


def test_every_error_of_the_gateway_is_public() -> None:
    def kinds(kind: type[Exception]) -> Iterator[str]:
        if kind.__module__ == "llm_gateway.domain.errors":
            yield kind.__name__
        for narrower in kind.__subclasses__():
            yield from kinds(narrower)

    assert set(kinds(llm_gateway.GatewayError)) <= set(PUBLIC)
