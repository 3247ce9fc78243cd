"""What ops/Dockerfile puts into the image, put into a folder by the same steps, and run as Compose runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from ..project.sources import copy_sources
from .files import OPS, ROOT

_DOCKERFILE = (OPS / "Dockerfile").read_text()
_DEBIANS_PYTHON = Path("/usr/bin/python3")
_UV = Path(sys.executable).with_name("uv")
_SEALED = """
mount --options remount,bind,ro / && mount --types tmpfs tmpfs /tmp &&
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


class Image(Struct, frozen=True):
    """The environment in a folder that every user may read. `sealed`: whether this user may seal a process."""

    folder: Path
    sealed: bool

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def variables(self) -> dict[str, str]:
        """As `ENV` sets them."""
        (line,) = re.findall(r"^ENV PATH=\S+ (.*)$", _DOCKERFILE, re.MULTILINE)
        path = f"{self.python.parent}:{os.environ['PATH']}"
        return dict(word.split("=") for word in line.split()) | {"PATH": path}

    def command(self) -> list[str]:
        """As `ENTRYPOINT` and `CMD` say; sealed, without rights and on a read-only root."""
        words = [*_json("ENTRYPOINT"), *_json("CMD")]
        own = [str(self.python.with_name(words[0])), *words[1:]]
        return ["unshare", "--mount", "sh", "-c", _SEALED, "sealed", *own] if self.sealed else own

    def healthcheck(self, port: int) -> int:
        """The exit code of `HEALTHCHECK`'s command."""
        program, *arguments = _json("HEALTHCHECK .* CMD")
        assert program == "python"
        environ = self.variables() | {"PORT": str(port)}
        return subprocess.run([self.python, *arguments], env=environ, timeout=10, stderr=subprocess.DEVNULL).returncode


def build_image(folder: Path) -> Image:
    image = Image(folder, _may_seal())
    base = _DEBIANS_PYTHON if image.sealed and _DEBIANS_PYTHON.exists() else Path(sys.executable)
    _run(_UV, "venv", "--quiet", "--python", base, folder / "venv")
    sync = (_UV, "pip", "sync", "--quiet", "--require-hashes", "--python", image.python, OPS / "requirements.lock")
    try:
        _run(*sync, "--offline")  # what set-up left in uv's cache
    except subprocess.CalledProcessError:
        _run(*sync)
    with TemporaryDirectory() as sources:
        copy_sources(Path(sources))
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", sources)
    (wheel,) = (folder / "dist").glob("*.whl")
    _run(_UV, "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", image.python, wheel)
    return image


def _may_seal() -> bool:
    """Root may, except in a container."""
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    tried = ["unshare", "--mount", "mount", "--options", "remount,bind,ro", "/"]
    return subprocess.run(tried, capture_output=True, timeout=10, check=False).returncode == 0


def _json(instruction: str) -> list[str]:
    (words,) = re.findall(rf"^{instruction} (\[.*\])$", _DOCKERFILE, re.MULTILINE)
    found: list[str] = json.loads(words)
    return found


def _run(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
