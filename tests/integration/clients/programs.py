"""Programs that nobody here wrote, run in an environment and a home of their own, with a deadline."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ...external.environments import Environment
from ..waiting import HANG_SECONDS

NOWHERE: Final = "http://127.0.0.1:9"
"""Takes no connection: for a program that would ask somebody else than the gateway."""


class Done:
    def __init__(self, code: int, output: str, errors: str) -> None:
        self.code = code
        self.output = output
        self.errors = errors

    @property
    def said(self) -> str:
        """For a failed assertion."""
        return f"{self.code}\n{self.output[-4000:]}\n{self.errors[-4000:]}"


async def run(
    environment: str, program: str, *arguments: str | Path, home: Path, cwd: Path, environ: Mapping[str, str]
) -> Done:
    """`program` is one of the environment's; nothing of this process's variables reaches it."""
    place = Environment(environment)
    process = await asyncio.create_subprocess_exec(
        *(place.program(program), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={
            "PATH": os.pathsep.join((str(place.program(program).parent), os.defpath)),
            "HOME": str(home),
            **{name: NOWHERE for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")},
            **{name: "127.0.0.1" for name in ("NO_PROXY", "no_proxy")},
            **environ,
        },
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(2 * HANG_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)  # a wrapper leaves the program that it started
            await process.wait()
    return Done(process.returncode or 0, output.decode(), errors.decode())
