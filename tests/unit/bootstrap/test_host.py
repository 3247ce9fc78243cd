"""What a gateway leaves alone in the process of a program that embeds it: only a server's own process is set up."""

import gc
import logging
import os
import signal
import sys

from llm_gateway import Secret, Settings, open_gateway

NOBODY = "http://127.0.0.1:1"


def process() -> tuple[object, ...]:
    return (
        *(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        sys.getswitchinterval(),
        tuple(sys.meta_path),
        tuple(signal.getsignal(number) for number in signal.valid_signals()),
        *(tuple(logging.getLogger(name).handlers) for name in (None, "llm_gateway")),
        dict(os.environ),
    )


async def test_a_gateway_changes_nothing_of_its_process() -> None:
    before = process()
    settings = Settings(gemini_api_key=Secret("a key"), gemini_base_url=NOBODY, ollama_base_url=NOBODY)

    async with open_gateway(settings, first_look_seconds=0):
        assert process() == before

    assert process() == before
