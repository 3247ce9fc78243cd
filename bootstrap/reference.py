"""The settings as a commented `.env`, made from their types. `python -m llm_gateway.bootstrap.reference` prints it."""

from msgspec import inspect
from msgspec.structs import fields

from .settings import Settings
from .settings_words import expected

_ONLY_IN_TOML = frozenset(("clients", "endpoints", "routes", "demo"))


def env_example() -> str:
    """Every variable with its meaning, its range and its default."""
    lines = [
        "# Every variable of the gateway, with its default. Copy this file to .env and change what you need.",
        "# The environment wins over .env, and .env over llm-gateway.toml, where they are in small letters.",
    ]
    for field in fields(Settings):
        if field.name in _ONLY_IN_TOML:
            continue
        default = field.default
        shown = "" if default is None or default == () else default
        lines += ["", f"# {_meaning(field.type)} {expected(field).capitalize()}.", f"#{field.name.upper()}={shown}"]
    return "\n".join(lines) + "\n"


def _meaning(kind: object) -> str:
    """The outermost description of an annotated type."""
    described = inspect.type_info(kind)
    extra = described.extra_json_schema if isinstance(described, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


if __name__ == "__main__":
    print(env_example(), end="")
