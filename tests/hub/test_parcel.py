"""Which files go to the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codelathe.core.errors import InputError, ModelFileError, UsageError
from codelathe.hub.card import read_front_matter
from codelathe.hub.parcel import pack


def test_an_adapter_is_sent_without_states_and_pickles(adapter: Path) -> None:
    parcel = pack(adapter)
    assert parcel.kind == "adapter"
    assert [f.name for f in parcel.files] == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "lathe.json",
    ]  # fmt: skip
    assert parcel.left_out == ("run.json", "state/", "training_args.bin")


def test_an_own_card_is_sent_with_the_metadata_it_lacks(adapter: Path) -> None:
    (adapter / "README.md").write_text("---\nlicense: mit\n---\n# mine\n")
    parcel = pack(adapter)
    assert not parcel.card_made
    assert parcel.licence == "mit"
    assert read_front_matter(parcel.card)["base_model"] == "owner/base"
    assert "# mine" in parcel.card


def test_a_model_whose_weights_are_pickled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelFileError, match="pickles are not sent"):
        pack(tmp_path)


def test_a_file_of_rows_is_a_data_set_with_its_rows_counted(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "a"}\n\n{"text": "b"}\n')
    parcel = pack(rows)
    assert parcel.dataset
    assert "| `rows.jsonl` | 2 |" in parcel.card


def test_a_folder_of_rows_needs_to_be_called_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "rows.jsonl").write_text("{}\n")
    (tmp_path / ".hidden.jsonl").write_text("{}\n")
    (tmp_path / "notes.xyz").write_text("")
    with pytest.raises(InputError, match="no adapter, model or GGUF"):
        pack(tmp_path)
    parcel = pack(tmp_path, dataset=True)
    assert [f.name for f in parcel.files] == ["README.md", "part/rows.jsonl"]
    assert parcel.left_out == ("notes.xyz",)


def test_a_data_set_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no rows"):
        pack(tmp_path, dataset=True)


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        pack(tmp_path / "nothing")


def test_a_broken_gguf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"not GGUF")
    with pytest.raises(ModelFileError, match="not a usable GGUF"):
        pack(tmp_path / "x.gguf")


def test_vocabularies_are_not_searched_for_secrets_but_settings_are(adapter: Path) -> None:
    (adapter / "tokenizer.json").write_text(json.dumps({"vocab": {}}))
    texts = {file.name for file in pack(adapter).files if file.text}
    assert texts == {"README.md", "adapter_config.json", "lathe.json"}


def test_the_form_that_peft_leaves_unfilled_is_no_card(adapter: Path) -> None:
    form = "# Model\n<!-- Provide a quick summary of what the model is/does. -->\n"
    (adapter / "README.md").write_text("---\nbase_model: /home/me/base\n---\n" + form)
    parcel = pack(adapter)
    assert parcel.card_made
    assert read_front_matter(parcel.card)["base_model"] == "owner/base"


@pytest.mark.parametrize(
    ("base", "found"), [("owner/repo", True), ("hf:owner/repo@main", True), ("smollm2", True),
                        ("/home/me/base", False), ("gguf:base.gguf", False)],
)  # fmt: skip
def test_a_base_that_only_this_machine_has_is_noted(adapter: Path, base: str, found: bool) -> None:
    config = {"base_model_name_or_path": base}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert any("names a base that only" in note for note in pack(adapter).notes) is not found


def test_folders_of_this_machine_in_what_is_sent_are_noted_by_their_file(adapter: Path) -> None:
    (adapter / "README.md").write_text("Made from `adapter:/home/me/base`, see https://a/b/c/d.\n")
    (adapter / "tokenizer_config.json").write_text(
        json.dumps({"a": "</s>", "b": "and/or", "c": "/"})
    )
    config = {"base_model_name_or_path": "owner/repo", "x": ["https://a.b/c/d", "gguf:/srv/x/y"]}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert pack(adapter).notes == (
        "README.md names places on this machine: /home/me/base",
        "adapter_config.json names places on this machine: gguf:/srv/x/y",
        "lathe.json names places on this machine: /x/y.jsonl",
    )


@pytest.mark.parametrize("name", ["adapter_config.json", "notes.txt", "README.md"])
def test_a_link_to_a_file_elsewhere_is_not_followed(
    adapter: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "own.json").write_text('{"base_model_name_or_path": "mine"}')
    (adapter / name).unlink(missing_ok=True)
    (adapter / name).symlink_to(tmp_path / "own.json")
    with pytest.raises(InputError, match="is a link to a file outside"):
        pack(adapter)


def test_links_as_the_hubs_client_makes_them_are_followed(adapter: Path, tmp_path: Path) -> None:
    cache = tmp_path / "models--owner--repo"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots").mkdir()
    weights = adapter / "adapter_model.safetensors"
    weights.rename(cache / "blobs" / "abc")
    weights.symlink_to("../../blobs/abc")
    adapter.rename(cache / "snapshots" / "main")
    assert len(pack(cache / "snapshots" / "main").files) == 4


def test_a_model_that_its_gate_refused_is_noted(adapter: Path) -> None:
    told = json.loads((adapter / "lathe.json").read_text())
    (adapter / "lathe.json").write_text(json.dumps({**told, "gate": {"outcome": "refused"}}))
    assert "its gate refused it" in pack(adapter).notes[0]


def test_a_model_that_its_check_refused_is_noted(adapter: Path) -> None:
    told = json.loads((adapter / "lathe.json").read_text())
    (adapter / "lathe.json").write_text(json.dumps({**told, "check": {"passed": False}}))
    assert "not the model it was made from" in pack(adapter).notes[0]


def test_rows_are_searched_for_secrets_however_their_names_are_written(tmp_path: Path) -> None:
    (tmp_path / "ROWS.JSONL").write_text("{}\n")
    assert all(file.text for file in pack(tmp_path / "ROWS.JSONL").files)
