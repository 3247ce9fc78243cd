"""Every page that is made from code. `python -m llm_gateway.bootstrap.generated FOLDER` writes them into a clone."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from llm_gateway.adapters.inbound.http.common.fields import Field, table
from llm_gateway.adapters.inbound.http.messages.fields import FIELDS as MESSAGES_FIELDS
from llm_gateway.adapters.inbound.http.ollama.fields import CHAT_FIELDS, PROMPT_FIELDS
from llm_gateway.adapters.inbound.http.openai.fields import EMBEDDING_FIELDS, FIELDS
from llm_gateway.adapters.inbound.http.responses.fields import FIELDS as RESPONSES_FIELDS
from llm_gateway.adapters.outbound.telemetry.reference import metrics_reference

from .parameters import page
from .reference import configuration_page, env_example


def _openai_page(text: str) -> str:
    return _with_table(
        _with_table(text, "The fields of a chat", FIELDS), "The fields of an embedding", EMBEDDING_FIELDS
    )


def _ollama_page(text: str) -> str:
    return _with_table(_with_table(text, "The fields of a chat", CHAT_FIELDS), "The fields of a prompt", PROMPT_FIELDS)


def _with_table(text: str, heading: str, fields: Iterable[Field]) -> str:
    """The page with this table instead of the first one below the heading. Raises `ValueError` where there is none."""
    start = text.index("\n| field |", text.index(f"\n## {heading}\n")) + 1
    end = text.find("\n\n", start) + 1 or len(text)
    return text[:start] + table(fields) + text[end:]


PAGES: Final[Mapping[str, Callable[[str], str]]] = {
    ".env.example": lambda _: env_example(),
    "docs/configuration.md": lambda _: configuration_page(),
    "docs/metrics.md": lambda _: metrics_reference(),
    "docs/messages.md": lambda text: _with_table(text, "The fields of a message", MESSAGES_FIELDS),
    "docs/ollama.md": _ollama_page,
    "docs/openai.md": _openai_page,
    "docs/parameters.md": lambda _: page(),
    "docs/responses.md": lambda text: _with_table(text, "The fields of a response", RESPONSES_FIELDS),
}
"""What each page has to be, made of what it is."""


def write_pages(folder: Path) -> None:
    for name, made in PAGES.items():
        path = folder / name
        path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
