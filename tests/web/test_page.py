"""The page in a real browser: type, switch, compare, drop a file; nothing foreign is asked for, nothing goes wrong."""

from __future__ import annotations

import contextlib
import csv
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from selenium.common.exceptions import StaleElementReferenceException

from browser import barriers, complaints, requested
from spacetune import SpaceClassifier
from spacetune.explanations import MEANINGS
from spacetune.studies import word_reach

DELIVERY = "The courier says delivered but nothing is at my door."
LOGIN = "I forgot my password and cannot log in."
STRANGE = {
    "markup": 'My <script>alert(1)</script> <b>parcel</b> & "more" <img src=x onerror=alert(2)> broke',
    "emoji": "The 🧥👩‍👩‍👧 zip 🇩🇪 broke 😡 on day one",
    "right to left": "الطرد לא הגיע my parcel מעולם",
    "long": "parcel never came " * 555 + "at last.",
    "longer than all windows": "a b " * 4_500 + "at last.",
    "no word": "?!?",
}


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for what is found; an element that was drawn anew while it was read is looked for again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(StaleElementReferenceException):
            value = found()
            if value:
                return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


class Page:
    """What a person does on the page."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        driver.get("about:blank")
        requested(driver)
        complaints(driver)
        driver.get(address)
        until(lambda: self.all("#panels .panel"))

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def say(self, text: str, box: str = "text") -> None:
        """Put a text into the box as an input method would; keys cannot send every character."""
        script = (
            "const t = document.getElementById(arguments[1]); t.value = arguments[0];"
            "t.dispatchEvent(new Event('input'))"
        )
        self.driver.execute_script(script, text, box)

    def verdict(self, panel: int = 0) -> str:
        return self.all(".panel .verdict")[panel].text

    def words(self) -> str:
        return self.one(".panel .words").get_property("textContent")

    def numbers(self, selector: str, panel: int = 0) -> list[float]:
        cells = self.all("#panels .panel")[panel].find_elements("css selector", selector)
        return [float(cell.text.replace("−", "-")) for cell in cells]

    def trouble(self) -> str:
        return self.one("#trouble").text


@pytest.fixture
def page(driver: Any, address: str) -> Page:
    return Page(driver, address)


def test_the_prediction_follows_the_typing(page: Page) -> None:
    page.one("#text").send_keys(DELIVERY)
    until(lambda: page.verdict().startswith("delivery_status"))
    page.one("#text").clear()
    page.one("#text").send_keys(LOGIN)
    until(lambda: page.verdict().startswith("account_login"))
    assert complaints(page.driver) == []


def test_the_scores_add_up_for_every_class(page: Page) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    seen = set()
    for i in range(len(page.all(".panel .class option"))):
        option = page.all(".panel .class option")[i]
        name = option.text
        option.click()
        terms, logit = page.numbers(".terms .term"), page.numbers(".terms .logit")[0]
        assert abs(sum(terms) - logit) <= 0.0005 * (len(terms) + 1)
        assert page.one(".terms .total td").text == f"= logit of {name}"
        seen.add((logit, page.one(".words .w").get_attribute("title")))
    assert len(seen) == 8  # every class has another sum, and colours the words in another way


def test_what_is_shown_is_what_the_server_says(page: Page, address: str) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    told = httpx.post(f"{address}/explain", json={"texts": [DELIVERY]}).json()["texts"][0]
    column = told["classes"].index(told["predicted"])
    assert page.numbers(".terms .logit")[0] == pytest.approx(told["logits"][column], abs=6e-4)
    shown = {w.text: w.get_attribute("title") for w in page.all(".panel .words .w")}
    score = next(w["score"] for w in told["words"] if w["word"] == "courier")
    assert shown["courier"] == f"courier: {'−' if score < 0 else '+'}{abs(score):.3f}"


def test_a_class_is_held_against_others_and_words_are_looked_at_elsewhere(page: Page, space: SpaceClassifier) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    told = space.explain([DELIVERY])[0]
    other = next(name for name in told.classes if name != told.predicted)
    for view in ("input", "both", "states"):
        page.one(f".at option[value={view}]").click()
        assert page.one(".meaning").text == MEANINGS[view]
        for value, against in (("rest", "rest"), (str(told.classes.index(other)), other), ("", None)):
            page.one(f".against-what option[value='{value}']").click()
            shown = {w.text: w.get_attribute("title") for w in page.all(".panel .words .w")}
            (score,) = [w["score"] for w in told.seen(view).words(against=against) if w["word"] == "courier"]
            assert shown["courier"] == f"courier: {'−' if score < 0 else '+'}{abs(score):.3f}"
            logit = told.logits @ told.direction(against=against)
            assert page.numbers(".terms .logit")[0] == pytest.approx(logit, abs=6e-4)
    assert complaints(page.driver) == []


def test_which_word_reached_which_is_drawn_when_asked_for(page: Page, space: SpaceClassifier) -> None:
    page.say(LOGIN)
    until(page.verdict)
    assert not any("/reach" in asked for asked in requested(page.driver))
    page.one(".reach-box summary").click()
    until(lambda: page.all(".reach tr"))
    told = word_reach(space, LOGIN)
    rows = page.all(".reach tr")
    assert [cell.text for cell in rows[0].find_elements("css selector", "th")][1:] == list(told.words)
    shown = [[float(c.text) for c in row.find_elements("css selector", "td")] for row in rows[1:]]
    np.testing.assert_allclose(shown, told.scores, atol=0.006)
    page.say(DELIVERY)
    until(lambda: page.all(".reach tr")[1].text.startswith("The") or "courier" in page.one(".reach").text)
    assert complaints(page.driver) == []


@pytest.mark.parametrize("name", STRANGE)
def test_strange_texts_are_shown_as_they_are(page: Page, name: str) -> None:
    text = STRANGE[name]
    page.say(text)
    until(page.verdict)
    assert page.words() == text
    assert page.all("#panels img, #panels script, #panels b") == []
    assert page.trouble() == ""
    spelt = [w.text.strip() for w in page.all(".panel .words .w")[:40]]
    assert all(word in text for word in spelt)
    assert page.one(".panel .cut-note").is_displayed() == (name == "longer than all windows")
    assert complaints(page.driver) == []


def test_an_empty_text_asks_nothing(page: Page) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    requested(page.driver)
    page.say("   ")
    until(lambda: not page.verdict())
    assert not page.one(".panel .words").is_displayed()
    assert requested(page.driver) == []
    assert page.trouble() == ""


def test_two_models_side_by_side(page: Page) -> None:
    page.say(LOGIN)
    until(page.verdict)
    page.one("#compare").click()
    until(lambda: len(page.all(".panel .verdict")) == 2 and page.verdict(1))
    models = [select.get_property("value") for select in page.all(".panel .model")]
    assert models == ["space", "probe"]
    assert page.numbers(".terms .logit", 0) != page.numbers(".terms .logit", 1)
    page.one("#compare").click()
    assert len(page.all("#panels .panel")) == 1


def test_a_first_visit_explains_itself(page: Page) -> None:
    assert page.one("#welcome").is_displayed()
    assert "speak for the class" in page.one("#welcome").text
    tries = until(lambda: page.all("#examples button"))
    assert len(tries) == 4  # of the texts given with --examples, one of each class
    text = tries[0].text
    tries[0].click()
    until(page.verdict)
    assert page.words() == text
    assert not page.one("#welcome").is_displayed()


def test_a_link_brings_back_what_was_asked(page: Page, driver: Any) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    page.one("#compare").click()
    until(lambda: page.verdict(1))
    page.all(".panel .class option")[2].click()
    page.one(".panel .against-what option[value=rest]").click()
    page.one(".panel .at option[value=input]").click()
    asked = driver.current_url
    shown = page.numbers(".terms .logit"), page.one(".terms .total td").text, page.verdict(1)
    requested(driver)
    again = Page(driver, asked)
    until(lambda: again.verdict(1) and again.all(".terms .total"))
    assert again.words() == DELIVERY
    assert (again.numbers(".terms .logit"), again.one(".terms .total td").text, again.verdict(1)) == shown
    assert again.one(".meaning").text == MEANINGS["input"]
    assert not any("courier" in address.split("#")[0] for address in requested(driver))  # behind the #: never sent
    assert complaints(driver) == []


def test_what_was_tried_is_listed_and_comes_back(page: Page, address: str) -> None:
    def rows() -> list[list[str]]:
        lines = page.all("#tried tr")[1:]
        return [[cell.text for cell in line.find_elements("css selector", "td")] for line in lines]

    assert not page.one("#tried").is_displayed()
    for text in ("Where is", DELIVERY):  # the first is not let stand
        page.say(text)
    until(lambda: len(rows()) == 1)
    assert rows() == [[DELIVERY, page.verdict()]]
    page.say(STRANGE["markup"])
    until(lambda: len(rows()) == 2)
    assert [row[0] for row in rows()] == [STRANGE["markup"], DELIVERY]
    page.all("#tried button")[1].click()
    until(lambda: rows()[0][0] == DELIVERY)
    assert page.one("#text").get_property("value") == DELIVERY
    assert len(rows()) == 2
    page.one("#compare").click()
    until(lambda: len(page.all("#tried th")) == 3)
    assert rows()[0][1:] == [page.verdict(0), page.verdict(1)]
    page.one("#forget").click()
    assert not page.one("#tried").is_displayed()
    assert page.driver.execute_script("return [localStorage.length, sessionStorage.length, document.cookie]") == [
        0,
        0,
        "",
    ]


def test_words_are_walked_by_keys(page: Page) -> None:
    from selenium.webdriver import Keys

    page.say(LOGIN)
    until(page.verdict)
    assert len(page.all(".panel .words .w[tabindex='0']")) == 1
    page.all(".panel .words .w")[0].send_keys(Keys.ARROW_RIGHT)
    walked = page.driver.switch_to.active_element
    assert walked.text == "forgot"
    assert walked.get_attribute("aria-label").startswith("forgot: ")
    walked.send_keys(Keys.ENTER)
    until(lambda: page.one(".dissection").is_displayed())
    assert page.one(".dissected-word").text == "forgot"


def test_axe_finds_nothing(page: Page, tmp_path: Path) -> None:
    assert barriers(page.driver) == []
    given = tmp_path / "texts.csv"
    given.write_text(f"text\n{LOGIN}\n{LOGIN}\n{DELIVERY}\n", encoding="utf-8")
    page.one("#csv").send_keys(str(given))
    until(lambda: page.one("#done").is_displayed())
    rows = [row.text.split() for row in page.all("#summary tr")]
    assert [row[:3] for row in rows[1:]] == [["account_login", "2", "66.7"], ["delivery_status", "1", "33.3"]]
    page.say(LOGIN)
    until(page.verdict)
    page.one("#compare").click()
    until(lambda: page.verdict(1))
    page.all(".panel .words .w")[2].click()
    until(lambda: page.one(".dissection").is_displayed())
    page.one(".reach-box summary").click()
    until(lambda: page.all(".reach tr"))
    assert barriers(page.driver) == []


def test_the_text_among_the_examples(page: Page) -> None:
    page.say(LOGIN)
    until(lambda: page.all(".nearest tr"))
    assert len(page.all(".map circle")) == 320
    labels = [row.text for row in page.all(".nearest tr td:first-child")]
    assert len(labels) == 5
    assert "account_login" in labels


def test_a_word_is_dissected(page: Page, space: SpaceClassifier) -> None:
    page.say(LOGIN)
    until(page.verdict)
    page.all(".panel .words .w")[2].click()
    until(lambda: page.one(".dissection").is_displayed())
    assert page.one(".dissected-word").text == "my"
    rows = [
        [float(c.text) for c in row.find_elements("css selector", "td")] for row in page.all(".dissection-table tr")
    ]
    assert len(rows[1:]) == 1 + space.encoder_.n_layers == 2
    assert all(sum(row) == pytest.approx(1, abs=0.03) for row in rows[1:])
    assert page.trouble() == ""


def test_pairs_have_a_second_box(driver: Any, pair_address: str, tmp_path: Path) -> None:
    page = Page(driver, pair_address)
    assert page.one("#pair").is_displayed()
    page.one("#text").send_keys(DELIVERY)
    page.one("#pair").send_keys(LOGIN)
    until(page.verdict)
    lines = [line.get_property("textContent") for line in page.all(".panel .words > div")]
    assert lines == [DELIVERY, LOGIN]
    told = httpx.post(f"{pair_address}/explain", json={"texts": [[DELIVERY, LOGIN]]}).json()["texts"][0]
    column = told["classes"].index(told["predicted"])
    assert page.numbers(".terms .logit")[0] == pytest.approx(told["logits"][column], abs=6e-4)
    met = [row.find_element("css selector", "td").text for row in page.all(".panel .meetings tr")]
    assert met == [f"{m['first']} ~ {m['second']}" for m in told["meetings"][:12]]
    assert page.numbers(".meetings .term")[0] == pytest.approx(told["meetings"][0]["score"], abs=6e-4)
    page.all(".panel .words > div:last-child .w")[3].click()
    until(lambda: page.one(".dissection").is_displayed())
    word = [each for each in told["words"] if each["part"] == 1][3]
    alone = httpx.post(f"{pair_address}/dissect", json={"texts": [LOGIN]}).json()["texts"][0]
    rows, n_layers = alone["rows"], len(alone["layers"])
    seen = httpx.post(f"{pair_address}/explain", json={"texts": [[LOGIN, LOGIN]]}).json()["texts"][0]
    mine = [t for t in range(len(rows) // n_layers) if word["start"] <= seen["spans"][t][0] < word["stop"]]
    expected = sum(rows[t * n_layers][alone["terms"][0]] for t in mine) / len(mine)
    shown = page.all(".panel .dissection-table tr")[1].find_elements("css selector", "td")[0].text
    assert float(shown) == pytest.approx(expected, abs=0.006)
    page.say("", "pair")
    until(lambda: page.verdict().endswith("reads two texts: one is missing."))
    given = tmp_path / "pairs.csv"
    given.write_text(f"text,text_pair\n{LOGIN},{LOGIN}\n{LOGIN},{DELIVERY}\n", encoding="utf-8")
    page.one("#csv").send_keys(str(given))
    until(lambda: page.one("#done").is_displayed())
    shown = [row.find_elements("css selector", "td")[2].text for row in page.all("#preview tr")[1:]]
    told = httpx.post(f"{pair_address}/predict", json={"texts": [[LOGIN, LOGIN], [LOGIN, DELIVERY]]}).json()
    assert shown == told["predicted"]
    assert page.trouble() == ""
    page.driver.execute_script("arguments[0].value = 'probe'", page.one(".panel .model"))
    page.driver.execute_script("arguments[0].dispatchEvent(new Event('change'))", page.one(".panel .model"))
    assert not page.one("#pair").is_displayed()
    assert complaints(page.driver) == []


def test_a_file_of_1000_rows_comes_back(page: Page, tmp_path: Path) -> None:
    texts = [f'{i}: "quoted", parcel\nnever came' if i % 2 else f"=password {i}" for i in range(1000)]
    given = tmp_path / "texts.csv"
    with given.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(texts))
    page.one("#csv").send_keys(str(given))
    seen: list[str] = []
    until(lambda: seen.append(page.one("#rows").text) or page.one("#done").is_displayed(), 240)
    assert any(text.endswith("of 1,000 rows") and not text.startswith("1,000") for text in seen)  # progress was shown
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path / "down")}
    )
    page.one("#download").click()
    written = until(lambda: list((tmp_path / "down").glob("predictions.csv")))[0]
    with written.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(i) for i in range(1000)]
    assert [row["text"] for row in rows] == [t if i % 2 else f"'{t}" for i, t in enumerate(texts)]
    chances = [max(float(v) for k, v in row.items() if k.startswith("p(")) for row in rows]
    assert all(float(row[f"p({row['predicted']})"]) == p for row, p in zip(rows, chances, strict=True))
    assert page.trouble() == ""


def test_a_bad_file_is_named(page: Page, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes("text\ncaf\xe9".encode("latin-1"))
    page.one("#csv").send_keys(str(tmp_path / "old.csv"))
    assert until(page.trouble) == "old.csv is not UTF-8"


def table_of(folder: Path, name: str, rows: list[list[str]]) -> str:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(folder / name)


def downloaded(page: Page, folder: Path) -> list[dict[str, str]]:
    folder.mkdir()
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    page.one("#download").click()
    written = until(lambda: list(folder.glob("predictions.csv")))[0]
    with written.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_text_that_is_refused_costs_no_other_row(page: Page, tmp_path: Path) -> None:
    texts = [f"parcel {i}" for i in range(70)]
    texts[66] = "x" * 20_001
    rows = [["text", "amount", "note"], *([text, "-5", "-ok"] for text in texts)]
    page.one("#csv").send_keys(table_of(tmp_path, "long.csv", rows))
    until(lambda: page.one("#done").is_displayed(), 120)
    assert page.trouble().startswith("1 of 70 rows have no prediction (row 67: has 20,001 characters")
    found = downloaded(page, tmp_path / "down")
    assert [bool(row["predicted"]) for row in found] == [i != 66 for i in range(70)]
    assert {(row["amount"], row["note"]) for row in found} == {("-5", "'-ok")}, "a number is no formula"


def test_a_file_in_place_of_another_is_the_one_that_comes_back(page: Page, tmp_path: Path) -> None:
    long = table_of(tmp_path, "big.csv", [["text"], *([f"parcel {i} " * 60] for i in range(640))])
    short = table_of(tmp_path, "tiny.csv", [["text"], ["'=lost card"], [DELIVERY]])
    page.one("#csv").send_keys(long)
    until(lambda: page.one("#stop").is_displayed())
    page.one("#csv").send_keys(short)
    until(lambda: page.one("#done").is_displayed())
    until(lambda: not page.one("#stop").is_displayed())
    time.sleep(1)
    assert page.one("#rows").text == "2 of 2 rows"
    assert [row["text"] for row in downloaded(page, tmp_path / "down")] == ["'=lost card", DELIVERY]
    assert page.trouble() == ""


def test_a_file_that_is_refused_leaves_nothing_of_the_one_before(page: Page, tmp_path: Path) -> None:
    page.one("#csv").send_keys(table_of(tmp_path, "good.csv", [["text"], [DELIVERY]]))
    until(lambda: page.one("#done").is_displayed())
    (tmp_path / "other.csv").write_text("text;label\nThe zip broke.;x\n")
    page.one("#csv").send_keys(str(tmp_path / "other.csv"))
    assert until(page.trouble) == "other.csv is separated by semicolons; save it with commas"
    for name in ("#done", "#run", "#column", "#summary", "#preview"):
        assert not page.one(name).is_displayed()
    assert page.one("#rows").text == ""


def test_an_answer_goes_with_the_text_it_was_of(page: Page) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    page.say("x" * 20_001)
    assert until(page.trouble).startswith("the text has 20,001 characters")
    assert page.verdict() == ""
    assert not page.one(".panel .explanation-box").is_displayed()
    page.say("")
    until(lambda: not page.trouble())


def test_errors_of_the_page_are_shown(page: Page) -> None:
    page.driver.execute_script("setTimeout(drawMap)")  # called with nothing to draw
    assert "The page failed: Uncaught TypeError" in until(page.trouble)


def test_nothing_foreign_is_asked_for(page: Page, address: str) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    asked = requested(page.driver)
    assert f"{address}/explain" in asked
    assert [url for url in asked if not url.startswith(address)] == []
    assert complaints(page.driver) == []


@contextlib.contextmanager
def proxy(address: str, path: str) -> Iterator[str]:
    """A proxy that serves another server under a path, which it takes off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{path}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = {"Content-Type": self.headers.get("Content-Type", "")}
            found = httpx.request(self.command, address + self.path.removeprefix(path), content=body, headers=kind)
            self.send_response(found.status_code)
            for name in ("Content-Type", "Content-Security-Policy"):
                self.send_header(name, found.headers[name])
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}{path}/"
        server.shutdown()


def test_the_page_works_behind_a_path(driver: Any, address: str, tmp_path: Path) -> None:
    with proxy(address, "/tools/shop") as behind:
        page = Page(driver, behind)
        page.say(DELIVERY)
        until(page.verdict)
        page.all(".panel .words .w")[1].click()
        until(lambda: page.one(".panel .dissection").is_displayed())
        (tmp_path / "texts.csv").write_text(f"text\n{DELIVERY}\n", encoding="utf-8")
        page.one("#csv").send_keys(str(tmp_path / "texts.csv"))
        until(lambda: page.one("#done").is_displayed())
        assert page.trouble() == ""
        assert [url for url in requested(driver) if not url.startswith((behind, "blob:"))] == []
        assert complaints(driver) == []


def test_keyboard_and_labels(page: Page) -> None:
    page.say(DELIVERY)
    until(page.verdict)
    unnamed = page.driver.execute_script(
        "return [...document.querySelectorAll('input, select, textarea, button, progress')]"
        ".filter((e) => !e.labels?.length && !e.textContent.trim() && !e.getAttribute('aria-label')).map((e) => e.id)"
    )
    assert unnamed == []
    assert page.one(".panel .verdict").get_attribute("aria-live") == "polite"
    assert page.one("#trouble").get_attribute("role") == "alert"
