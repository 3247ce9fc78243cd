"""What the frameworks' scripts ask of a model: one thing by a schema, and the weather of three places by a tool."""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, Field

url, key, *models = sys.argv[1:]
THING = "A dog?"
PLACES = "Which of three places is the driest?"


class Kind(Enum):
    PET = "pet"
    PEST = "pest"


class Leg(BaseModel):
    side: Literal["left", "right"]
    length: float


class Thing(BaseModel):
    """A thing."""

    name: str = Field(description="What it is called")
    count: int
    kind: Kind
    legs: list[Leg]
    owner: str | None = None


def get_weather(place: str) -> str:
    """The weather at a place.

    Args:
        place: The place's name
    """
    return f"{place} is wet"


def told(see: Callable[[str], dict[str, Any]]) -> None:
    """Print what is seen with each model, as one JSON object, and whatever else a framework prints elsewhere."""
    with redirect_stdout(sys.stderr):
        seen = {model: see(model) for model in models}
    print(json.dumps(seen))
