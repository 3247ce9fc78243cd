"""The server's log takes whatever is said to it."""

import logging
from pathlib import Path

import pytest
from msgspec import json

from llm_gateway.bootstrap.logs import open_logs
from llm_gateway.bootstrap.settings import Settings


def test_a_message_with_half_a_character_is_a_line_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "log"
    with written.open("wb") as file:
        monkeypatch.setattr("sys.stderr", file)
        for name in ("handlers", "level"):
            monkeypatch.setattr(logging.root, name, getattr(logging.root, name))
        logging.root.handlers = []
        with open_logs(Settings(log_format="json")):
            logging.getLogger("llm_gateway.test").error("half %s", "\ud800")

    assert json.decode(written.read_bytes())["message"] == "half \\ud800"
