from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from fakes.hub import FakeHub, sha256
from fakes.processes import until


def gguf() -> bytes:
    """A GGUF file of a made-up model: one Q8_0 tensor of 32 weights, one F32 of 32."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = [
        text("general.architecture") + struct.pack("<I", 8) + text("toy"),
        text("toy.context_length") + struct.pack("<II", 4, 2048),
    ]
    tensors = [
        text("a") + struct.pack("<IQIQ", 1, 32, 8, 0),
        text("b") + struct.pack("<IQIQ", 1, 32, 0, 64),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs + tensors)
    return head + bytes(-len(head) % 32) + bytes(64 + 128)


DATA = gguf()


@pytest.fixture(autouse=True)
def home(hub: FakeHub) -> Path:
    """A home whose catalogue has the model `toy`, which the hub has."""
    hub.repositories["someone/toy"] = {"toy.gguf": DATA}
    folder = Path(os.environ["CODELATHE_HOME"])
    folder.mkdir(parents=True)
    (folder / "catalogue.toml").write_text(
        f'[models.toy]\nfile = "toy.gguf"\nbytes = {len(DATA)}\nsha256 = "{sha256(DATA)}"\n'
        'licence = "MIT"\nformat = "gguf"\nhub = { repository = "someone/toy" }\n'
    )
    return folder


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `lathe models ...` and give exit code, standard output and standard error."""

    def models(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["models", *args])
        out, err = capsys.readouterr()
        return code, out, err

    return models


def test_pull_prints_where_the_model_is(printed: Any) -> None:
    code, out, _ = printed("pull", "toy")
    assert (code, Path(out.strip()).read_bytes()) == (0, DATA)


def test_pull_tells_of_its_source_on_standard_error(printed: Any) -> None:
    assert "from the source hub" in printed("pull", "toy")[2]


def test_quiet_pull_says_nothing_but_the_path(printed: Any) -> None:
    assert printed("pull", "toy", "--quiet")[2] == ""


def test_pull_as_json_is_one_document(printed: Any) -> None:
    document = json.loads(printed("pull", "toy", "--json")[1])
    assert (document["bytes"], document["sha256"]) == (len(DATA), sha256(DATA))


def test_pull_repairs_a_damaged_model(printed: Any) -> None:
    path = Path(printed("pull", "toy")[1].strip())
    path.write_bytes(b"damage")
    assert printed("pull", "toy")[0] == 0
    assert path.read_bytes() == DATA


def test_pull_of_a_checkpoint_says_which_engine_is_missing(printed: Any, hub: FakeHub) -> None:
    hub.repositories["a/b"] = {"config.json": b"{}", "model.safetensors": b"x"}
    assert "transformers, comes with pip install" in printed("pull", "hf:a/b")[2]


def test_pull_of_an_unknown_name_has_the_nearest(printed: Any) -> None:
    code, _, err = printed("pull", "codegen-2b-mon")
    assert code == 2
    assert "codegen-2b-mono" in err


def test_list_as_json_has_every_combination_of_a_family(printed: Any) -> None:
    rows = json.loads(printed("list", "--json")[1])["models"]
    names = {row["name"] for row in rows}
    assert {"toy", "codegen-16b-multi", "smollm2-135m"} <= names


def test_list_as_json_says_what_is_here(printed: Any) -> None:
    printed("pull", "toy")
    rows = json.loads(printed("list", "--json")[1])["models"]
    assert [row["name"] for row in rows if row["installed"]] == ["toy"]


def test_list_marks_what_is_here(printed: Any) -> None:
    printed("pull", "toy")
    lines = printed("list")[1].splitlines()
    assert [line.split()[:2] for line in lines if "✓" in line] == [["✓", "toy"]]


def test_list_has_a_family_in_one_line(printed: Any) -> None:
    out = printed("list")[1]
    assert "codegen-{350m, 2b, 6b, 16b}-{nl, multi, mono}" in out


def test_list_names_a_damaged_model_and_the_way_out(printed: Any) -> None:
    Path(printed("pull", "toy")[1].strip()).write_bytes(b"damage")
    assert "lathe models pull toy" in printed("list")[2]


def test_list_works_with_a_model_that_only_the_hub_names(printed: Any, hub: FakeHub) -> None:
    hub.repositories["a/b-GGUF"] = {"b-f16.gguf": DATA + b"x"}
    printed("pull", "hf:a/b-GGUF")
    assert "hf:a/b-GGUF" in printed("list")[1]


def test_show_reads_the_header_of_a_model_that_is_here(printed: Any) -> None:
    printed("pull", "toy")
    assert json.loads(printed("show", "toy", "--json")[1])["gguf"] == {
        "architecture": "toy",
        "parameters": 64,
        "context_length": 2048,
        "chat_template": False,
        "tensors": 2,
        "quantization": {"Q8_0": 0.5, "F32": 0.5},
    }


def test_show_tells_a_person_the_same(printed: Any) -> None:
    printed("pull", "toy")
    out = printed("show", "toy")[1]
    assert "Q8_0 50.0%, F32 50.0%" in out
    assert "2,048" in out


def test_show_of_what_is_not_here_says_how_to_fetch_it(printed: Any) -> None:
    code, out, err = printed("show", "codegen-2B-mono")
    assert code == 0
    assert "Salesforce/codegen-2B-mono" in out
    assert "lathe models pull codegen-2b-mono" in err


def test_show_works_on_a_file_of_ones_own(printed: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    document = json.loads(printed("show", str(tmp_path / "mine.gguf"), "--json")[1])
    assert document["gguf"]["architecture"] == "toy"


def test_show_of_a_truncated_file_is_an_error(printed: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA[:-50])
    assert printed("show", str(tmp_path / "mine.gguf"))[0] == 1


def test_path_fetches_nothing(printed: Any, hub: FakeHub) -> None:
    code, _, err = printed("path", "toy")
    assert code == 1
    assert "lathe models pull toy" in err
    assert hub.requests == []


def test_path_verifies_when_asked(printed: Any) -> None:
    path = Path(printed("pull", "toy")[1].strip())
    before = path.stat()
    path.write_bytes(DATA[:-1] + b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert printed("path", "toy")[0] == 0
    assert printed("path", "toy", "--verify")[0] == 1


def test_rm_frees_the_bytes_and_says_how_many(printed: Any) -> None:
    printed("pull", "toy")
    document = json.loads(printed("rm", "toy", "--json")[1])
    assert document["freed_bytes"] >= len(DATA)
    assert printed("path", "toy")[0] == 1


def test_rm_of_what_is_not_here_is_an_error(printed: Any) -> None:
    assert printed("rm", "toy", "--yes")[0] == 1


def test_rm_leaves_a_file_of_ones_own_alone(printed: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    assert printed("rm", str(tmp_path / "mine.gguf"), "--yes")[0] == 2
    assert (tmp_path / "mine.gguf").exists()


def test_an_interrupted_pull_ends_with_130_and_goes_on_next_time(
    home: Path, hub: FakeHub, printed: Any
) -> None:
    data = DATA + bytes(500_000)
    hub.repositories["a/b"] = {"big-f16.gguf": data}
    hub.drip = 0.05
    process = subprocess.Popen(
        [sys.executable, "-m", "codelathe", "models", "pull", "hf:a/b"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: any(p.stat().st_size for p in home.rglob("*.part")))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    hub.drip = 0.0
    assert printed("pull", "hf:a/b")[0] == 0
    assert hub.fetches()[-1] != ""
