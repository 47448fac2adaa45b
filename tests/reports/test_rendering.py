"""Every kind of report: self-contained, escaped, quiet in a real browser, readable as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import barriers, chromium, complaints, picture, requested
from spacetune import PrefixSimplexClassifier, SpaceClassifier, few_shot, render
from spacetune.errors import STEERING, SpacetuneError, UsageError
from spacetune.explanations import MEANINGS
from spacetune.reports import notebook
from spacetune.reports.document import Document, Notes, Section, Table, body, markdown
from spacetune.reports.explaining import signed
from spacetune.reports.frames import Frame, ends_of
from spacetune.reports.markup import json_script
from spacetune.reports.page import find_browser
from spacetune.results import Result
from spacetune.studies import Scores, demo_texts, map_spaces, place_texts

from .conftest import KINDS, STRANGE


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_browser(results: dict[str, Result], kind: str, driver: Any, tmp_path: Path) -> None:
    file = render(results[kind], tmp_path / "report.html")
    assert file.stat().st_size < 500_000
    driver.get("about:blank")
    requested(driver)
    complaints(driver)
    driver.get(file.as_uri())
    assert driver.title
    assert complaints(driver) == []
    assert requested(driver) == [file.as_uri()]
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert driver.find_elements("css selector", "article img") == []
    wide, seen = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= seen
    picture(driver, tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 5000


def test_on_a_telephone_nothing_stands_out(results: dict[str, Result], driver: Any, tmp_path: Path) -> None:
    screen = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        for kind in KINDS:
            driver.get(render(results[kind], tmp_path / "report.html").as_uri())
            assert driver.execute_script("return document.documentElement.scrollWidth") <= 360, kind
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(results: dict[str, Result], kind: str, driver: Any, tmp_path: Path) -> None:
    driver.get(render(results[kind], tmp_path / "report.html").as_uri())
    driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert barriers(driver) == []


def test_the_class_switch(results: dict[str, Result], driver: Any, tmp_path: Path) -> None:
    driver.get(render(results["explanation"], tmp_path / "why.html").as_uri())
    box = driver.find_element("css selector", ".explanation")
    assert box.find_element("css selector", ".words").get_property("textContent") == STRANGE

    def sums() -> tuple[float, float]:
        terms = [float(t.get_attribute("data-exact")) for t in box.find_elements("css selector", ".term")]
        return sum(terms), float(box.find_element("css selector", ".logit").get_attribute("data-exact"))

    told: Any = results["one explanation"]
    for i in range(len(told.classes)):
        box.find_elements("css selector", ".of option")[i].click()
        total, logit = sums()
        assert total == pytest.approx(logit, abs=1e-5)
        assert logit == pytest.approx(float(told.logits[i]))
    assert "struck through was not read" in driver.find_elements("css selector", "figcaption")[1].text


def test_the_question_and_the_view_switch(results: dict[str, Result], driver: Any, tmp_path: Path) -> None:
    told: Any = results["one explanation"]
    driver.get(render(told, tmp_path / "why.html").as_uri())
    box = driver.find_element("css selector", ".explanation")
    first, other = told.predicted, next(name for name in told.classes if name != told.predicted)
    for view in ("input", "states", "both"):
        box.find_element("css selector", f".at option[value={view}]").click()
        assert box.find_element("css selector", ".meaning").text == MEANINGS[view]
        for value, against in (("rest", "rest"), (str(told.classes.index(other)), other), ("", None)):
            box.find_element("css selector", f".against option[value='{value}']").click()
            words = told.seen(view).words(against=against)
            shown = box.find_elements("css selector", ".words .w")
            titles = [span.get_attribute("title") for span in shown]
            assert titles == [f"{w['word']}: {signed(w['score'])}" for w in words if w["part"] >= 0]
            logit = box.find_element("css selector", ".logit").get_attribute("data-exact")
            assert float(logit) == pytest.approx(told.logits @ told.direction(against=against))
            less = {None: "", "rest": " less that of the rest"}.get(against, f" less that of {against}")
            assert box.find_element("css selector", ".total td").text == f"= logit of {first}{less}"
    assert complaints(driver) == []


@pytest.mark.parametrize("kind", KINDS)
def test_words_stay_inside_their_drawings(results: dict[str, Result], kind: str, driver: Any, tmp_path: Path) -> None:
    driver.get(render(results[kind], tmp_path / "report.html").as_uri())
    outside = driver.execute_script(
        "const out = [];"
        "for (const svg of document.querySelectorAll('svg.chart')) { const box = svg.getBoundingClientRect();"
        "  for (const text of svg.querySelectorAll('text')) { const own = text.getBoundingClientRect();"
        "    if (own.left < box.left - 1 || own.right > box.right + 1) out.push(text.textContent); } }"
        "return out"
    )
    assert outside == []
    assert "nan" not in re.sub(r">[^<]*<", "><", driver.page_source.split("<body")[1].split("<script")[0])


def test_the_map_turns(results: dict[str, Result], driver: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    driver.get(render(results["spaces"], tmp_path / "map.html").as_uri())
    drawing = driver.find_element("css selector", "svg.turning")

    def places() -> list[tuple[float, float]]:
        told = [g.get_attribute("transform") for g in drawing.find_elements("css selector", ".ball g")]
        return [tuple(map(float, re.findall(r"-?[\d.]+", t)[:2])) for t in told]  # type: ignore[misc]

    first = places()
    assert len(first) == 120
    drawing.send_keys(Keys.ARROW_RIGHT)
    turned = places()
    assert turned != first
    drawing.send_keys(Keys.ARROW_LEFT)  # the script's own view of the first angles is what Python drew
    assert np.abs(np.array(places()) - np.array(first)).max() < 0.11
    ActionChains(driver).drag_and_drop_by_offset(drawing, 60, 0).perform()
    after = np.array(places()) - np.array(first)
    assert np.abs(after[:, 0]).max() > 5
    assert complaints(driver) == []


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_escaped(results: dict[str, Result], kind: str, tmp_path: Path) -> None:
    text = render(results[kind], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    tags = " ".join(re.findall(r"<[^>]*>", outside)) + " ".join(re.findall(r"<style.*?</style>", text, flags=re.S))
    assert not re.search(r"""\s(?:src|href)\s*=|url\(|@import""", tags)
    assert notebook(results[kind]) == results[kind]._repr_html_()
    assert "<script>" not in results[kind]._repr_html_()


def test_other_endings(results: dict[str, Result], tmp_path: Path) -> None:
    told = json.loads(render(results["scores"], tmp_path / "s.json").read_text())
    assert told["n_texts"] == 120
    assert len(render(results["predictions"], tmp_path / "p.csv").read_text().splitlines()) >= 122
    lines = render(results["fit"], tmp_path / "f.md").read_text().splitlines()
    assert lines[0] == "# Fit report"
    assert sum(line.startswith("| space |") for line in lines) == 2
    told = render(results["explanation"], tmp_path / "e.md").read_text()
    quoted = [line for line in told.splitlines() if line.startswith(">")]
    assert len(quoted) == 4
    assert "\\<script\\>alert" in quoted[0]
    assert re.fullmatch(r"> (word )+~~word( word)*~~", quoted[1])  # 600 words, of which the encoder reads 254
    assert quoted[1].split("~~")[0].count("word") == 254
    assert "\\<" in told
    assert not re.search(r"(?<!\\)<", told)
    told = render(results["dissection over layers"], tmp_path / "d.md").read_text().splitlines()
    assert re.match(r"At layer \d+ the states are [a-z-]+ \d+%", told[2])  # the finding comes first
    with pytest.raises(UsageError, match="must end in"):
        render(results["fit"], tmp_path / "f.gif")


@pytest.mark.slow
def test_a_picture_needs_a_browser(results: dict[str, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_browser() is not None:
        assert render(results["data"], tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
        printed = render(results["dissection over layers"], tmp_path / "d.pdf").read_bytes()
        assert printed.startswith(b"%PDF")
        assert b"/FontFile2" in printed  # fonts are embedded
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpacetuneError, match=r"\.png needs Chromium or Chrome"):
        render(results["data"], tmp_path / "e.png")


def test_what_a_fit_shows(results: dict[str, Result], fitted: tuple[SpaceClassifier, Any]) -> None:
    report = fitted[1]
    assert set(report.scored) == {"dev", "test"}
    row = next(r for r in report.table if r["method"] == "space" and r["split"] == "test")
    low, high = row["intervals"]["accuracy"]
    assert low <= row["accuracy"] <= high
    assert 0.05 < high - low < 0.3  # 120 texts
    assert sum(epoch["kept"] for epoch in report.epochs) == 1
    scores = results["scores"]
    assert isinstance(scores, Scores)
    assert sum(row["n"] for row in scores.calibration) == 120
    assert scores.ece == pytest.approx(
        sum(r["n"] * abs(r["accuracy"] - r["confidence"]) for r in scores.calibration) / 120
    )
    losses = [row["loss"] for row in scores.hardest]
    assert losses == sorted(losses, reverse=True)
    assert all(row["label"] != row["predicted"] for row in scores.hardest[:3])
    margins = [row["margin"] for row in scores.least_sure]
    assert margins == sorted(margins)


def test_a_text_stands_in_the_middle_of_its_tokens(fitted: tuple[SpaceClassifier, Any]) -> None:
    test = demo_texts("test")
    found = map_spaces(fitted[0], test, n_tokens=10**6)
    lengths = fitted[0].encoder_.tokenize(list(found.texts)).lengths
    ends = lengths.cumsum()
    for i in (0, 5, 119):
        mine = found.token_positions[ends[i] - lengths[i] : ends[i]]
        assert mine.mean(0) == pytest.approx(found.positions[i], abs=1e-5)
    placed = place_texts(fitted[0], found, [found.texts[3]])[0]
    assert placed.position == pytest.approx(found.positions[3], abs=1e-4)
    assert placed.nearest[0]["text"] == found.texts[3]
    assert placed.nearest[0]["distance"] == pytest.approx(0, abs=1e-3)


def test_a_map_of_mean_states(prefixed: tuple[PrefixSimplexClassifier, Any]) -> None:
    found = map_spaces(prefixed[0], few_shot(demo_texts("test"), 24))
    assert found.positions.shape == (24, 3)
    assert found.overlap is None
    assert list(found.explained) == sorted(found.explained, reverse=True)
    assert set(found.rows()[0]) == {"text", "label", "x", "y", "z"}


VALUES = (0.0, 1.0, -1.0, 1e300, -1e308, 1e308, 5e-324, 1e16, 1e16 + 2, float("nan"), float("inf"), 0.1)


@pytest.mark.parametrize("low", VALUES)
@pytest.mark.parametrize("high", VALUES)
def test_axes_of_any_numbers_are_drawn(low: float, high: float) -> None:
    ends = ends_of([low, high])
    frame = Frame(ends, ends)
    drawn = frame.axes("x", "y")
    assert len(drawn) < 60
    assert not re.search("nan|inf", "".join(drawn))
    assert all(0 <= place <= 360 for place in frame.at(ends[0], ends[1]))


@pytest.mark.parametrize("odd", ["\x1b[31m", "\x9b1m", "\u202ex", "\x07", "\ud800"])
def test_reports_hold_no_control_characters(odd: str) -> None:
    document = Document(odd, odd, [Section(odd, [Notes([odd]), Table([{odd: odd}], odd)])])
    for text in (body(document), markdown(document), json_script([odd], data_title=odd)):
        assert not [found for found in STEERING.findall(text) if found != "\n"]
        text.encode()
    assert json.loads(json_script([odd]).split(">")[1].split("<")[0]) == [odd]


def test_markdown_reads_no_entities() -> None:
    assert markdown(Document("&lt;b&gt; & co", "", [])).startswith("# \\&lt;b\\&gt; \\& co")
