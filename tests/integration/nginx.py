"""The real nginx, in front of a gateway."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from .waiting import HANG_SECONDS

_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, port: int, servers: str) -> AsyncGenerator[str, None]:
    """nginx with these blocks of `http`, once it listens on a port of theirs; the port's address.

    Files that they name are looked for in the folder, and the log is `nginx.log` in it.
    """
    program = shutil.which("nginx")
    assert program is not None
    file = folder / "nginx.conf"
    file.write_text(_AROUND.format(folder=folder, servers=servers))
    process = await asyncio.create_subprocess_exec(
        *(program, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(file)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    assert process.returncode is None, (folder / "nginx.log").read_text()
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
