"""Servers with Ollama's surface open."""

from functools import partial

import pytest

from ..served import Serve


@pytest.fixture
def start(start: Serve) -> Serve:
    return partial(start, ollama_door=True)
