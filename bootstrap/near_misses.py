"""Variables that are no settings, and nearly have the name of one."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from msgspec.structs import fields

from .reference import ONLY_IN_TOML
from .settings import Settings

CLOSE = 0.9
"""Of difflib's ratio: a letter or two of a name. `HOSTNAME` is far from `HOST`."""
_OTHERS = re.compile(r"OLLAMA_MODELS|OTEL_EXPORTER_OTLP_(TRACES|METRICS|LOGS)_\w+")
"""What Ollama's server and OpenTelemetry read themselves."""


def near_misses(variables: Collection[str], sources: Collection[str]) -> Iterator[str]:
    """A line for each of the variables that is close to a setting's, where that has no source of its own."""
    settings = {field.name.upper() for field in fields(Settings)} - {name.upper() for name in ONLY_IN_TOML}
    for name in sorted(set(variables) - settings):
        meant = get_close_matches(name.upper(), settings, n=1, cutoff=CLOSE)
        if meant and meant[0].lower() not in sources and not _OTHERS.fullmatch(name):
            yield f"{name}: is no setting; did you mean {meant[0]}?"
