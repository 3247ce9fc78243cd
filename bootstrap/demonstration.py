"""Whether a demonstration has a model that can answer, and what to do where it has none."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .kinds import EMBEDDED
from .settings import Settings

_MAGIC = b"GGUF"


def demonstration_faults(settings: Settings) -> Iterator[str]:
    """A line for each thing that is missing. Loads the engine, in some 60 ms, which the model would do anyway."""
    if not settings.demo:
        return
    if EMBEDDED.missing is not None:
        yield "--demo: nothing here could answer. Install the extra `demo` of llm-gateway-core, and then its model"
        return
    from llm_gateway.adapters.outbound.embedded.engine import engine_fault
    from llm_gateway.adapters.outbound.embedded.model_file import DISTRIBUTION, packaged_model

    if (fault := engine_fault()) is not None:
        yield f"--demo: {fault}"
    if settings.embedded_model_path:
        if (fault := _file_fault(Path(settings.embedded_model_path))) is not None:
            yield f"EMBEDDED_MODEL_PATH: {fault}"
    elif packaged_model() is None:
        yield (
            f"--demo: its model is not installed. Get it with `{_install(DISTRIBUTION)}`, "
            "or set EMBEDDED_MODEL_PATH to a GGUF file"
        )


def _file_fault(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return None if opened.read(len(_MAGIC)) == _MAGIC else "is no GGUF file"
    except OSError as error:
        return f"can't be read: {error.strerror}"


def _install(package: str) -> str:
    """For the environment that this runs in. Without what the package declares: its module is never imported."""
    if find_spec("pip") is not None:
        return f"{sys.executable} -m pip install --no-deps {package}"
    return f"uv pip install --python {sys.executable} --no-deps {package}"
