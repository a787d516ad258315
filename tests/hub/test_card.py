"""Cards: what they say of a model, and what they leave unsaid."""

from __future__ import annotations

from pathlib import Path

from codelathe.core.lineage import Lineage
from codelathe.hub.card import (
    data_card,
    front_matter,
    model_card,
    read_front_matter,
    with_front_matter,
)

CHECK = {
    "passed": True, "prompts": 5, "equal_texts": 5, "tokens": 9, "equal_tokens": 9,
    "kl_nats_per_token": 1e-8,
}  # fmt: skip


def lineage(base: str = "hf:owner/base", **details: object) -> Lineage:
    recipe = {"data": {"files": ["hf:owner/rows", "/home/me/own.jsonl"]}, "r": 16}
    return Lineage("checkpoint", base, "cd" * 32, "adapter:/home/me/tune", recipe, "x", details)


def test_the_metadata_names_base_library_task_data_and_licence(tmp_path: Path) -> None:
    told = read_front_matter(model_card(lineage(), tmp_path, licence="apache-2.0"))
    assert told["base_model"] == "owner/base"
    assert told["base_model_relation"] == "finetune"
    assert told["library_name"] == "transformers"
    assert told["pipeline_tag"] == "text-generation"
    assert told["datasets"] == ["owner/rows"]
    assert told["license"] == "apache-2.0"


def test_a_licence_that_nothing_states_is_left_out(tmp_path: Path) -> None:
    assert "license" not in read_front_matter(model_card(lineage(), tmp_path))


def test_a_base_that_is_a_path_is_no_repository_of_the_hub(tmp_path: Path) -> None:
    assert "base_model" not in read_front_matter(model_card(lineage("/models/base"), tmp_path))


def test_folders_of_this_machine_are_not_told(tmp_path: Path) -> None:
    card = model_card(lineage("/home/me/secret-project/base"), tmp_path)
    assert "/home/me" not in card
    assert "secret-project" not in card


def test_places_of_this_machine_in_a_recipe_are_told_by_their_last_part(tmp_path: Path) -> None:
    model = {"name": "gguf:/home/me/base.gguf", "adapter": "adapter:~/runs/old"}
    told = {"model": model, "data": {"files": ["/home/me/rows.jsonl", "https://a/b/c"]}}
    card = model_card(Lineage("checkpoint", "", "", "", told, "tune"), tmp_path)
    for name in ('"gguf:base.gguf"', '"adapter:old"', '"rows.jsonl"', '"https://a/b/c"'):
        assert name in card
    assert "/home/me" not in card
    assert "runs" not in card


def test_recipe_hash_and_check_are_told(tmp_path: Path) -> None:
    made = lineage(check=CHECK)
    card = model_card(made, tmp_path)
    assert made.recipe_sha256 in card
    assert "within the bounds" in card
    assert "5 of 5 prompts" in card


def test_a_refused_model_says_so_on_its_card(tmp_path: Path) -> None:
    assert "REFUSED" in model_card(lineage(check={**CHECK, "passed": False}), tmp_path)


def test_the_gates_scores_stand_on_the_card_with_their_problems(tmp_path: Path) -> None:
    part = {"benchmark": "humaneval", "problems": 41, "before": 0.1, "after": 0.25}
    card = model_card(lineage(gate={"outcome": "passed", "general": part}), tmp_path)
    assert "| general: humaneval | 41 | 10.0% | 25.0% |" in card


def test_an_own_cards_metadata_is_completed_and_never_changed() -> None:
    own = front_matter({"license": "mit"}) + "\n\n# mine\n"
    card = with_front_matter(own, {"license": "apache-2.0", "library_name": "peft"})
    assert read_front_matter(card) == {"license": "mit", "library_name": "peft"}
    assert card.endswith("# mine\n")


def test_a_card_without_metadata_gets_some_at_its_head() -> None:
    card = with_front_matter("# mine\n", {"license": "mit"})
    assert card == '---\nlicense: "mit"\n---\n\n# mine\n'


def test_metadata_that_is_no_yaml_is_taken_for_none() -> None:
    assert read_front_matter("---\n: [\n---\n") == {}


def test_values_that_yaml_would_read_otherwise_are_quoted() -> None:
    told = {"license": "no", "name": "a: b", "tags": ["yes", "1.0"]}
    assert read_front_matter(front_matter(told)) == told


def test_a_data_sets_card_counts_rows() -> None:
    assert "| `a.jsonl` | 1,200 |" in data_card("rows", {"a.jsonl": 1200})
