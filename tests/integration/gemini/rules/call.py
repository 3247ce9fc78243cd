"""What a rule of the vendor's sees of a request, and what it may say to it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from msgspec import Struct

from .models import Model


class Call(Struct, frozen=True):
    """`body` has the protocol's names as JSON spells them; `model` is what the asked name stands for."""

    name: str
    model: Model
    method: str
    body: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("generationConfig", {})
        return found

    @property
    def contents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body.get("contents", [])
        return found

    @property
    def declarations(self) -> list[tuple[str, dict[str, Any]]]:
        """Each with its path, as the vendor's errors write it."""
        return [
            (f"tools[{one}].function_declarations[{two}]", declared)
            for one, tool in enumerate(self.body.get("tools", ()))
            for two, declared in enumerate(tool.get("functionDeclarations", ()))
        ]

    @property
    def calling(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("toolConfig", {}).get("functionCallingConfig", {})
        return found

    @property
    def mode(self) -> str:
        return str(self.calling.get("mode", "AUTO")).upper()


class Objection(Struct, frozen=True):
    """`rule` names it to tests. `field` is what the vendor blames, where it blames one."""

    rule: str
    words: str
    field: str | None = None
    code: int = 400
    status: str = "INVALID_ARGUMENT"


Rule: TypeAlias = Callable[[Call], Iterator[Objection]]
