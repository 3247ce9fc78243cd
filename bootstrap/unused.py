"""Keeps frameworks out of a server's process that its libraries import only in order to support them."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from typing_extensions import override

UNUSED = frozenset(("fast_depends", "fastapi", "pydantic", "pydantic_settings", "starlette", "werkzeug"))
"""dependency-injector and Litestar look for them, and use them where a host does. Some are installed with a vendor's
SDK, and pydantic alone takes 6 MiB and 40 ms.
"""


class _NotInstalled(MetaPathFinder):
    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in UNUSED:
            raise ModuleNotFoundError(f"{fullname} is of no use here", name=fullname)
        return None


@contextmanager
def without_unused() -> Generator[None, None, None]:
    """What is imported meanwhile finds none of `UNUSED` that is not imported yet. No other thread may import then."""
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
