"""What the engine says where it can't be loaded."""

from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.embedded import engine
from llm_gateway.adapters.outbound.embedded.engine import LoadFailed


def test_a_library_that_this_machine_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_: str) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(engine, "import_module", lacking)
    (file := tmp_path / "model.gguf").write_bytes(b"GGUF")

    with pytest.raises(LoadFailed, match=r"xllamacpp can't be loaded: libgomp\.so\.1: cannot open"):
        engine.Engine(file, "model").load()
