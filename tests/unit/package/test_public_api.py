"""The package's front: what it names is there, and whatever a public signature mentions is public too."""

import ast
import inspect
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

import llm_gateway

PUBLIC = {name: getattr(llm_gateway, name) for name in llm_gateway.__all__}
INTERNAL = {"BreakerPermit", "Pool", "RetryState", "SharedAnswer", "Telemetry"}
"""What these hand to each other, and what a `Gateway` keeps for its own server."""


def mentioned(hint: object) -> Iterator[str]:
    """The gateway's own types in an annotation."""
    if isinstance(hint, type | typing.NewType) and hint.__module__.startswith("llm_gateway."):
        yield hint.__name__
    origin = typing.get_origin(hint)
    for part in hint if isinstance(hint, list) else (origin, *typing.get_args(hint)) if origin else ():
        yield from mentioned(part)


def signatures(value: object) -> Iterator[Callable[..., object]]:
    """What carries annotations: a function, or a class with its constructor and its public methods."""
    if isinstance(value, type):
        yield value
        members = [
            member
            for name, member in vars(value).items()
            if name in ("__init__", "__call__") or not name.startswith("_")
        ]
    else:
        members = [value]
    for member in members:
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function):
            yield function


def imported_for_checkers() -> Iterator[tuple[str, str]]:
    """The front's names with their modules, as a type checker sees them."""
    tree = ast.parse(Path(llm_gateway.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from ((f"{node.module}", alias.name) for alias in node.names)


def test_types_and_run_time_see_the_same_names() -> None:
    homes = dict((name, home) for home, name in imported_for_checkers())
    assert sorted(homes) == sorted(llm_gateway.__all__)
    assert set(homes.values()) == set(llm_gateway._HOMES)
    for name, home in homes.items():
        assert PUBLIC[name] is getattr(import_module(f"llm_gateway.{home}"), name)
    assert set(llm_gateway.__all__) <= set(dir(llm_gateway))


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="nobody"):
        llm_gateway.nobody  # type: ignore[attr-defined]  # noqa: B018 - checkers refuse it too
    with pytest.raises(AttributeError, match="counted"):
        llm_gateway.counted  # type: ignore[attr-defined]  # noqa: B018 - a home has it, and keeps it


def assigned_docs() -> dict[str, str | None]:
    """What stands below each of the front's names that is no class and no function."""
    docs: dict[str, str | None] = {}
    for home, name in imported_for_checkers():
        if not isinstance(PUBLIC[name], type) and not inspect.isfunction(PUBLIC[name]):
            found = import_module(f"llm_gateway.{home}").__file__
            assert found is not None
            body = ast.parse(Path(found).read_text()).body
            for node, below in pairwise(body):
                target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
                if isinstance(target, ast.Name) and target.id == name and isinstance(below, ast.Expr):
                    docs[name] = ast.literal_eval(below.value)
    return docs


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    own = assigned_docs()
    for name, value in PUBLIC.items():
        if isinstance(value, type):
            own[name] = vars(value).get("__doc__")
        elif inspect.isfunction(value):
            own[name] = value.__doc__
    assert not [name for name in PUBLIC if not own.get(name)]


def test_every_public_method_has_a_docstring_of_its_own_or_of_its_port() -> None:
    missing = [
        f"{kind.__name__}.{name}"
        for kind in PUBLIC.values()
        if isinstance(kind, type)
        for name, member in vars(kind).items()
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
        if not inspect.getdoc(getattr(kind, name))
    ]
    assert not missing


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
