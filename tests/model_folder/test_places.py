"""Where a model may be saved: nothing of anybody else is replaced, and what cannot be is found out before the work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spacetune.errors import UsageError
from spacetune.model_folder import claim, free_place

from .conftest import model_of, number_at, write


@pytest.mark.parametrize(
    "content", [{"config.json": '{"model_type": "bert"}'}, {"config.json": "[1]"}, {"config.json": "{"}, {"a.txt": ""}]
)
def test_only_what_carries_our_mark_is_replaced(place: Path, content: dict[str, str]) -> None:
    place.mkdir()
    for name, text in content.items():
        (place / name).write_text(text)
    (place / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match="is not a saved model"):
        write(place, 1)
    assert (place / "thesis.docx").read_text() == "years of work"
    assert sorted(os.listdir(place)) == sorted([*content, "thesis.docx"])


def test_other_files_beside_a_model_stay(place: Path) -> None:
    write(place, 1)
    (place / "notes.txt").write_text("mine")
    (place / "README.md").write_text("my own words")
    write(place, 2)
    assert number_at(place) == 2
    assert (place / "notes.txt").read_text() == "mine"
    kept = [name for name in os.listdir(place) if name.startswith("README.before")]
    assert [(place / name).read_text() for name in kept] == ["my own words"]


def test_an_encoder_folder_that_is_not_the_models_is_not_replaced(place: Path) -> None:
    write(place, 1)
    (place / "encoder").mkdir()
    (place / "encoder/mine").touch()
    with pytest.raises(UsageError, match="is no part of the model there"):
        write(place, 2, encoder=True)
    assert number_at(place) == 1
    write(place, 2)
    assert (place / "encoder/mine").exists()


def test_an_encoder_goes_with_its_model(place: Path) -> None:
    write(place, 1, encoder=True)
    write(place, 2)
    assert sorted(os.listdir(place)) == ["README.md", "config.json", "model.safetensors"]


def test_a_link_to_a_folder_is_filled_where_it_leads(place: Path) -> None:
    for target in ("there", "gone"):
        home = place.parent / target
        link = place.parent / f"to-{target}"
        link.symlink_to(home)
        if target == "there":
            write(home, 1)
        write(link, 2)
        assert link.is_symlink()
        assert number_at(home) == number_at(link) == 2


def test_a_folder_that_stands_is_filled_in_place(place: Path) -> None:
    place.mkdir()
    before = place.stat().st_ino
    write(place, 1)
    write(place, 2)
    assert place.stat().st_ino == before
    assert os.listdir(place.parent) == ["m"]


def test_unwritable_places_are_named_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("file", "file/m", "loop", "x" * 300):
        with pytest.raises(UsageError):
            free_place(tmp_path / name)

    def read_only(*given: object, **named: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", read_only)
    with pytest.raises(UsageError, match=r"cannot be saved to .*Read-only file system"), claim(tmp_path / "m"):
        pytest.fail("the work began")


def test_a_work_folder_made_for_nothing_goes(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), claim(tmp_path / "a/b/m"):
        raise RuntimeError
    assert not os.listdir(tmp_path)


def test_one_run_holds_a_place(place: Path) -> None:
    for _ in range(2):  # a new place, then one that stands
        with claim(place), pytest.raises(UsageError, match="another run is writing to"), claim(place):
            pass
        write(place, 1)


def test_a_checkpoint_outlives_its_run_and_goes_with_the_next(place: Path) -> None:
    with claim(place) as claimed:
        claimed.checkpoint.write_bytes(b"state")
    assert os.listdir(place.parent) == [".m.spacetune"]
    with claim(place) as claimed:
        assert claimed.checkpoint.read_bytes() == b"state"
        claimed.checkpoint.unlink()
    assert not os.listdir(place.parent)


def test_files_have_the_mode_of_the_umask(place: Path) -> None:
    before = os.umask(0o022)
    try:
        write(place, 1, encoder=True)
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in place.rglob("*") if file.is_file()} == {0o644}
    assert place.stat().st_mode & 0o777 == 0o755


def test_what_came_to_stand_there_meanwhile_is_not_replaced(place: Path) -> None:
    with claim(place) as claimed:
        place.mkdir(exist_ok=True)
        (place / "thesis.txt").write_text("years of work")
        with pytest.raises(UsageError, match="is not a saved model"):
            claimed.write(model_of(1))
    assert (place / "thesis.txt").read_text() == "years of work"
