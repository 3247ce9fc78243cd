"""What is given out with the gateway: licences, a bill of materials, and nothing that is known to be vulnerable."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from ...external.environments import Environment
from .licences import ALLOWED, PAGE, licence, locked, page

ROOT = Path(__file__).parents[3]
LOCKED = locked("requirements.lock")


def test_the_list_of_licences_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `just generate`"


@pytest.mark.parametrize("package", LOCKED)
def test_a_licence_lets_the_gateway_be_given_out(package: str) -> None:
    choices = [set(re.split(r" AND |[()]", choice)) - {""} for choice in licence(package).split(" OR ")]
    assert any(choice <= ALLOWED for choice in choices), licence(package)


def test_a_package_of_which_nothing_tells_is_to_be_read() -> None:
    with pytest.raises(LookupError, match="not-there"):
        licence("not-there")


@pytest.mark.nightly
def test_what_is_given_out_is_built_with_its_bill_of_materials() -> None:
    subprocess.run([Path(sys.executable).with_name("just"), "dist"], cwd=ROOT, check=True, capture_output=True)
    (bill,) = (ROOT / "dist").glob("*.cdx.json")
    assert len([*(ROOT / "dist").glob("*.whl"), *(ROOT / "dist").glob("*.tar.gz")]) == 2
    assert str(ROOT) not in bill.read_text(encoding="utf-8")

    told = json.loads(bill.read_text(encoding="utf-8"))
    listed = {re.sub(r"[._]", "-", one["name"]).lower() for one in told["components"]}
    assert told["metadata"]["component"]["name"] == "llm-gateway-core"
    assert {"msgspec", "litestar", "xllamacpp", "google-genai", "hiredis", "yarl"} <= listed <= {*LOCKED}
    assert "pytest" not in listed


def audited(*options: str) -> Mapping[str, list[str]] | None:
    """What a database of vulnerabilities knows of each locked package; None where it can't be reached."""
    program = Environment("supply").program("pip-audit")
    command: list[str | Path] = [program, "--requirement", "requirements.lock", "--require-hashes"]
    more = ("--disable-pip", "--progress-spinner=off", "--format=json", "--vulnerability-service=osv", *options)
    done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=240)
    if "ConnectionError" in done.stderr or "ServiceError" in done.stderr:
        return None
    assert done.stdout, done.stderr
    packages = json.loads(done.stdout)["dependencies"]
    return {one["name"]: [each["id"] for each in one.get("vulns", ())] for one in packages}


@pytest.mark.nightly
@pytest.mark.external("supply")
def test_nothing_is_known_to_be_vulnerable() -> None:
    known = audited()
    if known is None:
        pytest.skip("no database of vulnerabilities can be reached: nothing was audited")
    assert not {name: ids for name, ids in known.items() if ids}


class _Database(BaseHTTPRequestHandler):
    """Knows of one vulnerability, in every version of msgspec."""

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = {"id": "OSV-1", "affected": [{"versions": [asked["version"]], "package": asked["package"]}]}
        body = json.dumps({"vulns": [found]} if asked["package"]["name"] == "msgspec" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Database)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.nightly
@pytest.mark.external("supply")
def test_what_a_database_knows_is_found() -> None:
    with database() as url:
        known = audited("--osv-url", url)
    assert known is not None
    assert known.keys() >= {"msgspec", "litestar", "uvicorn"}
    assert {name: ids for name, ids in known.items() if ids} == {"msgspec": ["OSV-1"]}


@pytest.mark.nightly
@pytest.mark.external("supply")
def test_a_database_that_is_away_is_told_apart_from_one_that_knows_nothing() -> None:
    assert audited("--osv-url", "http://127.0.0.1:9/v1/query") is None
