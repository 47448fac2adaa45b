"""The ERASER measures by hand, scores of words from wordpieces, and what our own scores sum to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve

pytest.importorskip("papers.__main__", reason="run from the root of the checkout")

from papers.muppet.words import word_of
from papers.rationales import eraser, erasing, exact, marked, measuring, posts, readings, reproduce, rules

from spacetune import Encoder, SpaceClassifier

TEXTS = ["good fun indeed", "what a joy", "a bore of a film", "so dull , unbelievably dull"] * 4
LABELS = ["pos", "pos", "neg", "neg"] * 4


def bools(*values: int) -> np.ndarray:
    return np.array(values, dtype=bool)


@pytest.fixture(scope="module")
def model() -> SpaceClassifier:
    encoder = Encoder.from_pretrained(dtype="float32")
    return SpaceClassifier(encoder, n_latent=4, layers=[2, 6], store=None, n_epochs=3, seed=0).fit(TEXTS, LABELS)


def test_sets_of_words_by_hand() -> None:
    truth, found = bools(1, 1, 0, 0, 1, 0), bools(1, 0, 0, 1, 1, 1)
    # 2 hits of 4 found and 3 true: precision 1/2, recall 2/3
    assert eraser.token_f1(truth, found) == pytest.approx(4 / 7)
    # runs found: 0-1 (half of 0-2) and 3-6 (a third with 4-5): one of two is right, one of two true ones is met
    assert eraser.iou_rates(truth, found) == (0.5, 0.5)
    assert eraser.iou_f1(np.array([[0.5, 1.0], [0.5, 0.0]])) == pytest.approx(0.5)
    assert eraser.token_f1(truth, ~truth) == eraser.f1(0.0, 1.0) == 0.0
    assert eraser.iou_rates(truth, bools(0, 0, 0, 0, 0, 0)) == (0.0, 0.0)


def test_chosen_words() -> None:
    scores = np.array([0.1, 0.9, 0.1, 0.5])
    assert eraser.chosen(scores, 3).tolist() == [True, True, False, True]
    assert eraser.chosen(scores, 9).all()
    assert eraser.share(scores, 0.01).sum() == 1
    assert eraser.share(scores, 0.5).tolist() == [False, True, False, True]


def test_area_under_the_curve_is_scikit_learns_with_ties_too() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(1, 30))
        truth, scores = rng.random(n) < 0.3, rng.integers(0, 5, n).astype(float)
        truth[rng.integers(n)] = True
        precision, recall, _ = precision_recall_curve(truth, scores)
        assert eraser.auprc(truth, scores) == pytest.approx(auc(recall, precision))


def test_every_wordpiece_stands_in_the_word_it_is_part_of() -> None:
    encoder = Encoder.from_pretrained(dtype="float32")
    words = ["<user>", "unbelievably", "don't", "\u200b", "faltarían", "ok"]
    text = " ".join(words)
    places, spans = word_of(encoder, text, words), encoder.spans(text)
    edges = np.cumsum([0, *(len(word) + 1 for word in words)])
    assert places[0] == places[-1] == -1
    for place, (start, stop) in zip(places[1:-1], spans.spans[1:-1], strict=True):
        assert edges[place] <= start < stop <= edges[place] + len(words[place])
    assert set(places[1:-1].tolist()) == {0, 1, 2, 4, 5}  # a zero-width space has no wordpiece
    counts = posts.word_sums(np.ones(len(places)), places, len(words), "sum")
    assert counts[3] == 0
    assert counts[0] == 3  # "<", "user", ">"
    assert counts.sum() == len(places) - 2


def test_merging_wordpieces() -> None:
    scores, places = np.array([9.0, 2.0, -1.0, -3.0, 9.0]), np.array([-1, 0, 0, 1, -1])
    merged = {merge: posts.word_sums(scores, places, 3, merge).tolist() for merge in readings.MERGES}
    assert merged == {"sum": [1.0, -3.0, 0.0], "max": [2.0, -3.0, 0.0], "positive": [2.0, 0.0, 0.0]}


def test_marks() -> None:
    post = posts.Post(("a", "b", "c"), np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], dtype=bool))
    assert post.majority.tolist() == [True, False, False]
    assert post.union.all()
    assert posts.erased(post.words, bools(0, 1, 0)) == "a c"


def test_a_single_annotator_decides_alone() -> None:
    post = marked.marked_by(" Sooo SAD  I will miss you", "oo SAD ")
    assert post.words == ("Sooo", "SAD", "I", "will", "miss", "you")
    assert post.majority.tolist() == post.union.tolist() == [True, True, False, False, False, False]
    assert not marked.marked_by("all well", "elsewhere").majority.any()


def test_parts_of_the_tweets_share_none_and_are_held_to_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{i},so good day {i},good,{'neutral' if i % 3 == 0 else 'positive'}" for i in range(100)]
    file = tmp_path / "train.csv"
    file.write_text("\n".join(["textID,text,selected_text,sentiment", *rows]) + "\n")
    monkeypatch.setenv("SPACETUNE_MARKED_TWEETS", str(file))
    with pytest.raises(SystemExit, match="SHA-256"):
        marked.Tweets().learnt("train")
    monkeypatch.setattr(marked.Tweets, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setattr(marked.Tweets, "N_TRAIN", 60)
    monkeypatch.setattr(marked.Tweets, "N_DEV", 20)
    data = marked.Tweets()
    kept = [set(data.learnt(part)[0]) for part in ("train", "dev", "test")]
    assert [len(each) for each in kept] == [60, 20, 20]
    assert len(set.union(*kept)) == 100
    assert {post.text for post in data.posts("test")} < kept[2]
    assert all(post.majority.tolist() == [False, True, False, False] for post in data.posts("test"))


def test_parts_of_what_is_compared_lie_apart() -> None:
    data = marked.HateXplain()
    names = ("compared", "compared_second", "compared_tweets")
    assert [reproduce.Setting(name, data, (0,))._suffix for name in names] == ["", "-second", "-tweets"]


def test_directions_are_gradients_of_their_questions() -> None:
    logits, step = np.array([0.7, -0.2, 0.4]), 1e-6
    asked = {
        "predicted": lambda z: z[0],
        "against others": lambda z: np.log(erasing.softmax(z)[0]),
        "against neutral": lambda z: np.log(1 - erasing.softmax(z)[1]) - np.log(erasing.softmax(z)[1]),
    }
    for question, value in asked.items():
        slopes = [(value(logits + step * e) - value(logits - step * e)) / (2 * step) for e in np.eye(3)]
        assert readings.direction(question, logits, 1) == pytest.approx(slopes, abs=1e-8)


@pytest.mark.parametrize("text", [TEXTS[0], TEXTS[3]])
def test_exact_scores_sum_to_the_logits_wherever_they_are_read(model: SpaceClassifier, text: str) -> None:
    expected = model.predict_logits([text])[0] - model.learnt_.model.on_top.bias.detach().numpy()
    found = exact.exact_scores(model, [text])[0]
    assert found["scores"] == pytest.approx(model.explain([text], at="states")[0].token_scores, abs=1e-6)
    assert found["scores"].sum(0) == pytest.approx(expected, abs=1e-5)
    for at in ("input", "both"):
        [carried] = exact.carried_back(model, [text], at)
        assert carried["scores"].sum(0) == pytest.approx(expected, abs=1e-5)
        assert np.abs(carried["scores"] - found["scores"]).max() > 1e-3


def test_a_word_left_out_of_the_mean() -> None:
    scores, places = np.array([[0.3], [0.6], [-0.1], [0.4]]), np.array([-1, 0, 0, 1])
    # scores are states' values over T = 4; without the first word's two the mean is over the other two
    kept = (0.3 + 0.4) * 4 / 2
    assert exact.left_out(scores, places, 2)[0, 0] == pytest.approx(scores.sum() - kept)


def test_lime_finds_the_weights_of_a_linear_model() -> None:
    class Linear:
        temperature_ = 1.0

        def predict_logits(self, texts: list[str]) -> np.ndarray:
            return np.array([[2.0 * ("a" in t.split()) - ("c" in t.split()), 0.0] for t in texts])

    found = erasing.lime(Linear(), ("a", "b", "c"), np.random.default_rng(0), samples=400)  # type: ignore[arg-type]
    assert found["logit"][:, 0] == pytest.approx([2.0, 0.0, -1.0], abs=0.1)
    assert found["probability"][:, 0].argmax() == 0
    one = erasing.one_at_a_time(Linear(), ("a", "b", "c"))  # type: ignore[arg-type]
    assert one[:, 0].tolist() == [2.0, 0.0, -1.0]


def test_lime_samples_start_with_the_whole_text_and_lose_every_number_of_words() -> None:
    kept = erasing.sample(4, 400, np.random.default_rng(0))
    assert kept[0].all()
    assert set(kept[1:].sum(1).tolist()) == {0, 1, 2, 3}
    weights = erasing.kernel(kept)
    assert weights[0] == 1.0
    assert weights[kept.sum(1) == 3].min() > weights[kept.sum(1) == 1].max()


def test_many_texts_at_a_time_as_one_by_one(model: SpaceClassifier) -> None:
    for text, found in zip(TEXTS[:4], exact.exact_scores(model, TEXTS[:4]), strict=True):
        assert found["scores"] == pytest.approx(exact.exact_scores(model, [text])[0]["scores"], abs=1e-5)


def test_every_method_reads_one_number_a_word(model: SpaceClassifier) -> None:
    post = posts.Post(("so", "unbelievably", "dull"), bools(0, 1, 1)[None].repeat(2, 0))
    logits, places = np.array([0.2, -0.1]), word_of(model.encoder_, post.text, list(post.words))
    found = {
        "exact at the states": exact.exact_scores(model, [post.text])[0],
        "exact at every depth": exact.carried_back(model, [post.text], "both")[0],
        "LIME": erasing.lime(model, post.words, np.random.default_rng(0), samples=30),
        "one word erased": {"scores": erasing.one_at_a_time(model, post.words)},
    }
    for method, scores in found.items():
        for reading, values in readings.readings(method, scores, logits, places, 3, neutral=1).items():
            assert values.shape == (3,), (method, reading)
            assert np.isfinite(values).all(), (method, reading)


def test_every_rule_sums_to_the_logits_but_for_what_it_keeps_apart(model: SpaceClassifier) -> None:
    one = model.explain(TEXTS[:1])[0]
    for name, rule in rules.RULES.items():
        kept = 0.0
        if "apart" in name:
            kept = one.sources["biases"].sum(0) + (one.sources["places"].sum(0) if "places" in name else 0)
        assert rule(one).sum(0) + kept == pytest.approx(one.logits - one.bias, abs=1e-5), name


def test_differences_are_paired_by_model_and_post() -> None:
    rng = np.random.default_rng(0)
    of_posts, of_models = rng.normal(0, 5, 60), (0.0, 9.0, -9.0)
    ours, other = ([{"AUPRC": of_posts + shift + gain} for shift in of_models] for gain in (0.5, 0.0))
    apart, low, high = measuring.differences(ours, other)["AUPRC"]
    assert (apart, low, high) == pytest.approx((0.5, 0.5, 0.5))
    assert measuring.mean_over_fits(other)["AUPRC"] == pytest.approx(of_posts.mean())
    assert measuring.differences(ours, other[:1])["AUPRC"][0] == pytest.approx(0.5)


def test_an_interval_over_posts_and_models_holds_what_both_do() -> None:
    gains = np.random.default_rng(1).normal(0.2, 1, 400)
    ours, other = [{"AUPRC": gains}, {"AUPRC": gains + 1}], [{"AUPRC": np.zeros(400)}] * 2
    _, low, high = measuring.differences(ours, other)["AUPRC"]
    assert low < gains.mean() < gains.mean() + 1 < high + 0.2
    assert high - low > 0.8  # the models differ by 1; posts alone would give .14
