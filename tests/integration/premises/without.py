"""Runs the gateway's command, or a test of it, with one of its guards taken out."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from typing_extensions import override

from .guards import GUARDS, Edit


class _Edited(SourceFileLoader):
    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    @override
    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.path).read_text()
        for edit in self._edits:
            if source.count(edit.code) != 1:
                sys.exit(f"{edit.module} does not hold this once: {edit.code}")
            source = source.replace(edit.code, edit.instead)
        return compile(source, self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        edits = [edit for edit in self._edits if f"llm_gateway.{edit.module}" == fullname]
        spec = PathFinder.find_spec(fullname, path, target) if edits else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Edited(fullname, spec.origin, edits)
        return spec


def main(name: str, command: str, *arguments: str) -> int:
    (guard,) = (guard for guard in GUARDS if guard.name == name)
    edited = {f"llm_gateway.{edit.module}" for edit in guard.edits}
    loaded = edited & sys.modules.keys()
    if loaded:
        sys.exit(f"imported before the guard could be taken out: {loaded}")
    sys.meta_path.insert(0, _Finder(guard.edits))
    if command == "pytest":
        import pytest

        return pytest.main([*arguments])
    from llm_gateway.bootstrap import main as entry

    sys.argv[1:] = [command, *arguments]
    entry.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
