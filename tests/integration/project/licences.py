"""The licence of every locked dependency, as its own metadata states it: `docs/licences.md`, by `just generate`."""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "licences.md"
ALLOWED: Final = frozenset(
    ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0")
)
"""What a closed program may be given out with as well; of the MPL, files that are not changed."""
_SPDX: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "MIT License": "MIT",
    "MIT style": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages from before SPDX expressions write instead."""
_READ: Final[Mapping[str, str]] = {
    "dependency-injector": "BSD-3-Clause",
    "httpx-aiohttp": "BSD-3-Clause",
    "pyasn1-modules": "BSD-2-Clause",
    # for other systems or Pythons, so seldom installed where this runs
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
"""By their licence's text, where the metadata does not tell."""

_HEAD: Final = """\
# Licences

Of everything in `requirements.lock`: what the extras bring, and what the project is tested with. The gateway's own is
[Apache-2.0](../LICENSE). `just generate` makes this page of the packages' metadata, and a test fails for a licence that
is none of {}.

| package | licence | in the image |
|---|---|---|
"""


def locked(lock: str) -> list[str]:
    return re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)


def licence(package: str) -> str:
    """An SPDX expression. Raises `LookupError` where nothing tells."""
    if package in _READ:
        return _READ[package]
    try:
        stated = metadata(package)
    except PackageNotFoundError:
        raise LookupError(f"{package}: not installed; look its licence up") from None
    for expression in stated.get_all("License-Expression", []):
        return str(expression)
    text = "".join(stated.get_all("License", [])).strip().partition("\n")[0]  # some state all of it
    if text in ALLOWED or text in _SPDX:
        return _SPDX.get(text, text)
    classified = [one.rpartition(" :: ")[2] for one in stated.get_all("Classifier", []) if one.startswith("License ::")]
    if known := sorted(_SPDX[one] for one in classified if one in _SPDX):
        return " OR ".join(known)
    raise LookupError(f"{package}: states no licence that is known; read it")


def page() -> str:
    """The page, of what is installed. Raises `LookupError`."""
    image = frozenset(locked("ops/requirements.lock"))
    rows = (
        f"| `{name}` | {licence(name)} | {'yes' if name in image else ''} |" for name in locked("requirements.lock")
    )
    return _HEAD.format(", ".join(sorted(ALLOWED))) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
