"""A class has one name, and a name one class: nobody has to ask which of two is meant."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLACES = ("domain", "application", "adapters", "bootstrap", "src/llm_gateway/testing")


def classes(tree: ast.Module) -> Iterator[str]:
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def aliases(tree: ast.Module) -> Iterator[str]:
    """Types that a module gives a name of its own, as `X: TypeAlias = ...` or `X = NewType(...)`."""
    for node in tree.body:
        targets = (
            [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
        )
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def homes() -> Mapping[str, Sequence[str]]:
    """Where each class is defined, and where its name is another type's alias."""
    found: dict[str, list[str]] = {}
    aliased: dict[str, list[str]] = {}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for name in classes(tree):
                found.setdefault(name, []).append(str(path.relative_to(ROOT)))
            for name in aliases(tree):
                aliased.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return {name: [*paths, *aliased.get(name, ())] for name, paths in found.items()}


def test_no_public_class_name_has_two_meanings() -> None:
    doubled = {name: paths for name, paths in homes().items() if not name.startswith("_") and len(paths) > 1}

    assert doubled == {}


def test_no_class_is_named_like_a_function() -> None:
    assert [name for name in homes() if name.lstrip("_")[:1].islower()] == []


def test_the_folders_that_are_read_hold_the_classes() -> None:
    assert {"AnswerChat", "ChatModel", "Plan", "Settings"} <= homes().keys()
