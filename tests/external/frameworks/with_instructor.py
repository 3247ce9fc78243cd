"""Instructor's default mode against a gateway: `with_instructor.py URL KEY MODEL...`."""

from typing import Any

import instructor
from asked_for import THING, Thing, key, told, url
from openai import OpenAI

client = instructor.from_openai(OpenAI(base_url=url, api_key=key, max_retries=0))


def see(model: str) -> dict[str, Any]:
    asked: Any = {
        "model": model,
        "messages": [{"role": "user", "content": THING}],
        "response_model": Thing,
        "max_retries": 1,
    }
    return {
        "whole": client.create(**asked).model_dump(mode="json"),
        "partial": list(client.create_partial(**asked, strict=False))[-1].model_dump(mode="json"),
        "iterable": [one.model_dump(mode="json") for one in client.create_iterable(**asked)],
    }


told(see)
