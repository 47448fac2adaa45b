"""Options that say how a file is read reach the reader, and what it notes reaches the user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import FAST, run

QUOTES = 'text\tlabel\n"I loved the first part .\tgood\nthe middle is fine\tgood\nand the end is great ."\tgood\n'
VERSIONS = "".join(
    f"{what} {i},{version}\n" for i in range(6) for what, version in (("menu", "1.1"), ("search", "1.10"))
)


def checked(path: Path, *options: Any) -> dict[str, Any]:
    answer = run("check", path, "--no-lengths", "--json", *options)
    assert answer.code == 0
    return json.loads(answer.out)


def test_quoting_is_an_option_and_noted(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(QUOTES)
    found = checked(tmp_path / "a.tsv")
    assert found["n_texts"] == 3
    assert any("all quotes are read as characters" in note["message"] for note in found["notes"])
    assert checked(tmp_path / "a.tsv", "--quoting", "double")["n_texts"] == 1
    assert checked(tmp_path / "a.tsv", "--quoting", "none")["n_texts"] == 3
    assert run("check", tmp_path / "a.tsv", "--quoting", "some").code == 2


def test_lists_in_cells_are_an_option(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,\"['x', 'y']\"\nb,['x']\n")
    assert checked(tmp_path / "a.csv", "--label-separator", "list")["classes"] == {"x": 2, "y": 1}


def test_check_counts_unknown_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nfine \U0001f600,x\nfine,y\n")
    answer = run("check", tmp_path / "a.csv", "--json")
    assert any(
        "1 text holds tokens that the encoder does not know" in n["message"] for n in json.loads(answer.out)["notes"]
    )


def test_versions_are_classes_where_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + VERSIONS)
    assert checked(tmp_path / "a.csv")["kind"] == "regression"
    assert checked(tmp_path / "a.csv", "--task", "classification")["classes"] == {"1.1": 6, "1.10": 6}
    answer = run(
        "fit", tmp_path / "a.csv", "-o", tmp_path / "m", "--test", tmp_path / "a.csv", "--task", "classification",
        "--json", "--n-latent", 2, *FAST,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["classes"] == ["1.1", "1.10"]


def test_a_text_of_two_annotators_stops_no_fit(tmp_path: Path) -> None:
    rows = [
        f"my {what} number {i} is late,{c}" for i in range(10) for what, c in (("parcel", "delivery"), ("bill", "bill"))
    ]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *rows, "my parcel number 4 is late,complaint", ""]))
    for seed in (2, 5):
        answer = run("fit", tmp_path / "a.csv", "-o", tmp_path / "m", "--seed", seed, "--n-latent", 2, *FAST)
        assert answer.code == 0, answer.err
