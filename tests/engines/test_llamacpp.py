"""Engine `llamacpp`: what the contract suite does not show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.core.errors import ContextOverflow, ModelFileError, UnsupportedArgument
from codelathe.core.generation import Message, Request, Sampling
from codelathe.engines.llamacpp import LlamaCppEngine

PROMPT = "def fibonacci(n):\n"


@pytest.fixture(scope="module")
def engine(smollm2_path: Path) -> Iterator[LlamaCppEngine]:
    opened = LlamaCppEngine(smollm2_path)
    yield opened
    opened.close()


def test_a_file_that_is_no_gguf_is_refused_before_anything_native_sees_it(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"not a model at all")
    with pytest.raises(ModelFileError, match="GGUF"):
        LlamaCppEngine(tmp_path / "model.gguf")


@pytest.mark.model
def test_a_truncated_model_is_refused_with_its_sizes(smollm2_path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(smollm2_path.read_bytes()[:50_000_000])
    with pytest.raises(ModelFileError, match="50,000,000 bytes"):
        LlamaCppEngine(cut)


@pytest.mark.model
def test_a_model_that_llama_cpp_refuses_is_an_error_and_prints_nothing(
    smollm2_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    altered = tmp_path / "altered.gguf"
    name = b"blk.7.attn_q.weight"
    altered.write_bytes(smollm2_path.read_bytes().replace(name, b"blk.7.attn_x.weight", 1))
    with pytest.raises(ModelFileError, match=r"llama\.cpp cannot load"):
        LlamaCppEngine(altered).generate([Request(prompt=PROMPT)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_nothing_listens_on_the_network(engine: LlamaCppEngine) -> None:
    next(engine.generate([Request(prompt=PROMPT, sampling=Sampling(max_tokens=1))]))
    sockets = {str(f.readlink()) for f in Path("/proc/self/fd").iterdir() if f.is_symlink()}
    listening = {
        f"socket:[{row.split()[9]}]"
        for table in ("tcp", "tcp6")
        for row in Path("/proc/self/net", table).read_text().splitlines()[1:]
        if row.split()[3] == "0A"
    }
    assert not sockets & listening


@pytest.mark.model
def test_the_model_prints_nothing_while_it_works(
    engine: LlamaCppEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    list(engine.generate([Request(prompt=PROMPT, sampling=Sampling(max_tokens=4))]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(
    engine: LlamaCppEngine,
) -> None:
    with pytest.raises(ContextOverflow, match=r"40001 tokens .* context of 8192"):
        engine.generate([Request(prompt="x " * 40_000)])


@pytest.mark.model
def test_a_chat_without_a_template_is_refused_by_name(engine: LlamaCppEngine) -> None:
    with pytest.raises(UnsupportedArgument, match="messages"):
        engine.generate([Request(messages=(Message("user", "hi"),))])


@pytest.mark.model
def test_the_context_grows_for_a_request_that_needs_it(engine: LlamaCppEngine) -> None:
    long = Request(prompt="x = 1\n" * 30, sampling=Sampling(max_tokens=4200, stop=("\n",)))
    [answer] = engine.generate([long])
    assert answer.finish_reason == "stop"


@pytest.mark.model
def test_a_closed_engine_loads_again_when_asked(engine: LlamaCppEngine) -> None:
    request = Request(prompt=PROMPT, sampling=Sampling(max_tokens=8))
    [before] = engine.generate([request])
    engine.close()
    [after] = engine.generate([request])
    assert after.text == before.text


@pytest.mark.model
def test_earlier_requests_do_not_change_what_a_seed_draws(engine: LlamaCppEngine) -> None:
    sampling = Sampling(max_tokens=16, temperature=1.0, seed=5)
    first, again = (
        [c.text for c in engine.generate([Request(prompt=PROMPT, n=2, sampling=sampling)])]
        for _ in range(2)
    )
    assert first == again


@pytest.mark.model
def test_ctrl_c_ends_the_process_and_leaves_no_socket_behind(
    smollm2_path: Path, tmp_path: Path
) -> None:
    program = textwrap.dedent(
        """
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job's may be ignored
        from codelathe.core.generation import Request, Sampling
        from codelathe.engines.llamacpp import LlamaCppEngine
        engine = LlamaCppEngine(sys.argv[1])
        request = Request(prompt="x = 1", sampling=Sampling(max_tokens=8000))
        for _ in engine.generate([request], lambda *_: print("begun", flush=True)):
            pass
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(smollm2_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert (process.returncode, list(tmp_path.iterdir())) == (-signal.SIGINT, [])
