"""Set-up behind a private certificate authority: what a recipe runs trusts those that the system trusts."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

from ..certificates import issued
from ..lacking import lacking

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
STORE = Path("/etc/ssl/certs")
FILES = {
    "tiny.py": "",
    "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
    "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.dist-info/RECORD": "tiny.py,,\n",
}

pytestmark = [
    pytest.mark.external("unshare", "mount"),
    pytest.mark.skipif(not (STORE / "ca-certificates.crt").exists(), reason="the system's certificates are elsewhere"),
]


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def index(folder: Path) -> Iterator[tuple[str, bytes]]:
    """An index of packages that has one, and the certificate of who vouches for it."""
    (folder / "tiny").mkdir(parents=True)
    with zipfile.ZipFile(folder / "tiny" / "tiny-1-py3-none-any.whl", "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(name, text)
    authority, served = issued()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.socket = served.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/", authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def installed(address: str, store: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The package, by what recipes install with, where the system's certificates are those of `store`."""
    target = store.parent / "target"
    install = f"{BIN}/uv pip install --no-config --no-cache --target {target} --index-url {address} tiny"
    script = f"mount --bind {store} {STORE} && {BIN}/just --command {install}"
    environ = {"PATH": os.environ["PATH"], "HOME": str(store.parent), **variables}
    return subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the system's certificates."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        lacking("no namespaces here")
    folder = tmp_path / "store"
    folder.mkdir()
    shutil.copy(STORE / "ca-certificates.crt", folder)
    return folder


def test_an_authority_that_the_system_trusts_is_trusted(store: Path, tmp_path: Path) -> None:
    with index(tmp_path / "index") as (address, authority):
        refused = installed(address, store)
        assert refused.returncode
        assert "UnknownIssuer" in refused.stderr

        with (store / "ca-certificates.crt").open("ab") as bundle:
            bundle.write(authority)
        done = installed(address, store)
        assert done.returncode == 0, done.stderr


def test_an_authority_that_a_variable_names_is_trusted(store: Path, tmp_path: Path) -> None:
    with index(tmp_path / "index") as (address, authority):
        (tmp_path / "own.pem").write_bytes(authority)
        done = installed(address, store, SSL_CERT_FILE=str(tmp_path / "own.pem"))
        assert done.returncode == 0, done.stderr


def test_a_system_without_certificates_has_those_that_uv_brings(store: Path) -> None:
    (store / "ca-certificates.crt").unlink()
    done = installed("https://127.0.0.1:9/", store, UV_HTTP_RETRIES="0")
    assert "No CA certificates were loaded" not in done.stderr
    assert "127.0.0.1:9" in done.stderr
