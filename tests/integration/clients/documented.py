"""The blocks of docs/clients.md that point a client at a gateway."""

import shlex
from collections.abc import Mapping
from typing import Final

from ..project.documents import blocks

PAGE: Final = "docs/clients.md"
PREFIX: Final = "client: "
_URL: Final = "http://127.0.0.1:8000"
_KEY: Final = "sk-gateway-123"
_MODEL: Final = "local"
_AROUND_A_MODEL: Final = (('"', '"'), ("/", '"'), ("=", "\n"))


def clients() -> Mapping[str, str]:
    """The text of each block that a comment says is for a client, by the client."""
    found = [one for one in blocks() if one.page == PAGE and one.note.startswith(PREFIX)]
    return {one.note.removeprefix(PREFIX): one.text for one in found}


def block(client: str, *, url: str, key: str, model: str) -> str:
    """With another gateway's address, and a key and a model of its."""
    text = clients()[client]
    names = [(f"{before}{_MODEL}{after}", f"{before}{model}{after}") for before, after in _AROUND_A_MODEL]
    for documented, own in ((_URL, url), (_KEY, key), *names):
        text = text.replace(documented, own)
    return text


def as_environ(exports: str) -> dict[str, str]:
    """What lines of `export NAME=value` set."""
    words = [word for line in exports.splitlines() for word in shlex.split(line, comments=True)]
    return dict(word.split("=", 1) for word in words if word != "export")
