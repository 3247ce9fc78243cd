"""A process that has no file descriptor left, for as long as a block lasts."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 1024


@contextmanager
def none_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError as error:
                assert error.errno == errno.EMFILE  # noqa: PT017 - it ends the loop
                break
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
