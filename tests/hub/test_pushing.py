"""Pushing by the hub's own client to a server that speaks its protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import (
    InputError,
    RateLimited,
    RejectedKey,
    RemoteError,
    RemoteFailure,
)
from codelathe.hub.parcel import pack
from codelathe.hub.pushing import HubWriter, Place
from fakes.hub_writing import KEY, WrittenHub

#: The client's own way with httpx2, which is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
PLACE = Place("me/my-tune")


def push(source: Path, place: Place = PLACE, *, dataset: bool = False) -> str:
    writer, parcel = HubWriter(KEY), pack(source, dataset=dataset)
    return writer.push(parcel, writer.preview(parcel, place), "sent").commit


def test_everything_is_there_after_one_commit(hub: WrittenHub, adapter: Path) -> None:
    commit = push(adapter)
    own = hub.repositories["me/my-tune"]
    assert own.commits["main"] == ["0" * 40, commit]
    weights = (adapter / "adapter_model.safetensors").read_bytes()
    assert hub.files("me/my-tune")["adapter_model.safetensors"] == weights
    assert set(hub.files("me/my-tune")) == {file.name for file in pack(adapter).files}


def test_a_repository_is_made_private_where_asked(hub: WrittenHub, adapter: Path) -> None:
    push(adapter, Place("me/my-tune", private=True))
    assert hub.repositories["me/my-tune"].private


def test_a_branch_is_made_where_it_is_missing(hub: WrittenHub, adapter: Path) -> None:
    push(adapter)
    before = dict(hub.files("me/my-tune"))
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "hf:o/other"}')
    push(adapter, Place("me/my-tune", "attempt"))
    assert hub.files("me/my-tune") == before
    assert b"hf:o/other" in hub.files("me/my-tune", "attempt")["adapter_config.json"]


def test_rows_go_to_a_repository_of_data(hub: WrittenHub, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    push(tmp_path / "rows.jsonl", Place("me/rows"))
    assert hub.files("datasets/me/rows")["rows.jsonl"] == b'{"text": "a"}\n'


def test_the_preview_changes_nothing(hub: WrittenHub, adapter: Path) -> None:
    preview = HubWriter(KEY).preview(pack(adapter), PLACE)
    assert not preview.exists
    assert {change for _, change in preview.changes} == {"new"}
    assert not hub.repositories


def test_the_preview_tells_what_is_changed_and_what_is_the_same(
    hub: WrittenHub, adapter: Path
) -> None:
    push(adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    preview = HubWriter(KEY).preview(pack(adapter), PLACE)
    changes = {file.name: change for file, change in preview.changes}
    assert changes.pop("adapter_model.safetensors") == "changed"
    assert set(changes.values()) == {"same"}


def test_what_is_all_there_needs_no_push(hub: WrittenHub, adapter: Path) -> None:
    push(adapter)
    assert not HubWriter(KEY).preview(pack(adapter), PLACE).needed


def test_a_push_that_broke_off_at_the_commit_does_not_upload_again(
    hub: WrittenHub, adapter: Path
) -> None:
    hub.spoil("/commit/", 500)
    with pytest.raises(RemoteFailure, match="500"):
        push(adapter)
    assert not hub.files("me/my-tune")
    push(adapter)
    assert hub.asked("PUT /upload") == 1
    assert "adapter_model.safetensors" in hub.files("me/my-tune")


def test_a_network_that_goes_away_in_an_upload_leaves_nothing_in_the_repository(
    hub: WrittenHub, adapter: Path
) -> None:
    hub.spoil("/upload/", 0, times=10)
    with pytest.raises(RemoteFailure) as failed:
        push(adapter)
    assert "run the same command again" in failed.value.hint
    assert not hub.files("me/my-tune")


def test_a_hiccup_in_an_upload_is_tried_again(hub: WrittenHub, adapter: Path) -> None:
    hub.spoil("/upload/", 503)
    push(adapter)
    assert "adapter_model.safetensors" in hub.files("me/my-tune")


def test_a_repository_that_changed_after_the_preview_is_left_alone(
    hub: WrittenHub, adapter: Path
) -> None:
    push(adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"mine")
    writer, parcel = HubWriter(KEY), pack(adapter)
    preview = writer.preview(parcel, PLACE)
    hub.repositories["me/my-tune"].commits["main"].append("f" * 40)
    with pytest.raises(RemoteError, match="has changed since"):
        writer.push(parcel, preview, "sent")
    assert hub.files("me/my-tune")["adapter_model.safetensors"] != b"mine"


def test_a_wrong_key_is_told_before_anything_is_made(hub: WrittenHub, adapter: Path) -> None:
    with pytest.raises(RejectedKey) as refused:
        HubWriter("hf_wrong").preview(pack(adapter), PLACE)
    assert "HF_TOKEN" in refused.value.hint
    assert "hf_wrong" not in refused.value.message


def test_an_owner_that_the_key_may_not_write_to_is_told(hub: WrittenHub, adapter: Path) -> None:
    with pytest.raises(RejectedKey, match="403"):
        push(adapter, Place("others/my-tune"))


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (401, RejectedKey, "refuses to let this key"), (403, RejectedKey, "refuses"),
        (404, RemoteError, "nothing to push to"), (409, RemoteError, "has changed since"),
        (413, RemoteError, "too large"), (429, RateLimited, "slow down"),
        (500, RemoteFailure, "the hub failed"),
    ],
)  # fmt: skip
def test_each_refusal_of_a_commit_is_told_with_the_next_step(
    hub: WrittenHub, adapter: Path, status: int, error: type[RemoteError], told: str
) -> None:
    hub.spoil("/commit/", status)
    with pytest.raises(error, match=told) as failed:
        push(adapter)
    assert failed.value.hint
    assert KEY not in str(failed.value)


def test_a_hub_that_is_not_there_is_told(
    hub: WrittenHub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RemoteFailure, match="not reachable"):
        push(adapter)


@pytest.mark.parametrize("name", ["nobody", "a/b/c", "me/sp ace", "me/-dash-"])
def test_what_is_no_name_of_a_repository_is_refused(
    hub: WrittenHub, adapter: Path, name: str
) -> None:
    with pytest.raises(InputError):
        push(adapter, Place(name))


@pytest.mark.parametrize("revision", ["main", "new"])
def test_what_is_to_be_private_does_not_go_where_everybody_sees_it(
    hub: WrittenHub, adapter: Path, revision: str
) -> None:
    push(adapter)
    with pytest.raises(InputError, match="everybody can see it"):
        push(adapter, Place(PLACE.repository, revision, private=True))


def test_a_signed_address_is_not_repeated_in_an_error(hub: WrittenHub, adapter: Path) -> None:
    hub.spoil("/upload/", 410, times=9)
    with pytest.raises(RemoteError) as told:
        push(adapter)
    assert "/upload/" in told.value.message
    assert "SIGNED" not in f"{told.value.message}{told.value.hint}"
