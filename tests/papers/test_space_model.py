"""The Space Model study: the recipe and the ablations mean what they say, and a run goes on from its file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from spacetune import Encoder, LabelledTexts
from spacetune.studies.demo_data import demo_texts

pytest.importorskip("papers.space_model.heads", reason="run from the root of the checkout")

from benchmarks.quality.sets import Parts
from papers.space_model import data, outside, outside_tables, padding, reproduce, tables
from papers.space_model.experiments import facts
from papers.space_model.heads import Variant, losses, outputs
from papers.space_model.scores import chosen, interval
from papers.space_model.training import ConstantRate, Recipe, WithAdam, train
from papers.space_model.variants import ablations, small


@pytest.fixture(scope="module")
def demo_parts() -> Parts:
    parts: list[LabelledTexts] = []
    for name in ("train", "dev", "test"):
        texts = demo_texts(name)
        labels = texts.labels or []
        kept = sorted(set(labels))[:2]
        part = texts.take([i for i, label in enumerate(labels) if label in kept][:40])
        intents = {label: i for i, label in enumerate(kept)}
        parts.append(dataclasses.replace(part, labels=[intents[label] for label in part.labels or []]))
    return Parts(*parts)


@pytest.fixture(scope="module")
def demo(encoder: Encoder, demo_parts: Parts) -> data.Prepared:
    return data.prepared(encoder, demo_parts)


def cell(prepared: data.Prepared, seed: int) -> dict[str, Any]:
    tests = {"dev": prepared.dev, "test": prepared.test}
    found = train(small(), prepared.train, tests, Recipe(16, (1, 2, 3)), n_classes=2, seed=seed)
    return found | facts(prepared, tests)


def test_a_run_goes_on_from_its_file_and_draws_its_page(demo: data.Prepared, encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "published.json").write_text((data.HERE / "published.json").read_text())

    def never(_: Encoder) -> dict[str, Any]:
        raise AssertionError("a cell that is there was run again")

    reproduce.run("comparison", {"sma.0": lambda _: cell(demo, 0)}, folder, encoder)
    first = json.loads((folder / "comparison.json").read_text())["cells"]["sma.0"]
    reproduce.run("comparison", {"sma.0": never, "sma.1": lambda _: cell(demo, 1)}, folder, encoder)
    found = json.loads((folder / "comparison.json").read_text())
    assert found["cells"]["sma.0"] == first
    assert set(found["cells"]) == {"sma.0", "sma.1"}
    assert first["circumstances"]["versions"]["torch"] == torch.__version__
    own = [found["cells"][f"sma.{seed}"] for seed in (0, 1)]
    variant, epoch = chosen(own)["linear, mean"]
    page = tables.markdown(folder)
    assert page.count("| hidden, first | 0.0002 |") == 1
    assert f"| linear, mean | {variant.split('@')[1]} | {epoch} |" in page
    assert "| BERT | bert-base-uncased, trained | 1 | ? | 82.2 | 74.8 |" in page


def test_the_same_seed_gives_the_same_cell(demo: data.Prepared) -> None:
    assert cell(demo, 3)["variants"] == cell(demo, 3)["variants"]


def test_with_cross_entropy_alone_two_spaces_of_three_are_one_of_six(demo: data.Prepared) -> None:
    pair = [Variant("two of 3"), Variant("one of 6", n_spaces=1, n_latent=6)]
    heads = [v.module(demo.train.means.shape[1], 2, seed=0) for v in pair]
    two, one = outputs(pair, heads, demo.test)
    torch.testing.assert_close(two.logits, one.logits)


def test_without_tanh_the_head_is_linear_in_the_mean_state(demo: data.Prepared) -> None:
    pair = [Variant("off", reads="mean", tanh=False), Variant("after", reads="mean")]
    heads = [v.module(demo.train.means.shape[1], 2, seed=0) for v in pair]
    batches = [dataclasses.replace(demo.test, means=demo.test.means * k) for k in (0.0, 1.0, 2.0)]
    (zero, _), (once, curved), (twice, curved_twice) = (outputs(pair, heads, b) for b in batches)
    torch.testing.assert_close(twice.logits - once.logits, once.logits - zero.logits, rtol=1e-4, atol=1e-5)
    assert (curved_twice.logits - 2 * curved.logits + outputs(pair, heads, batches[0])[1].logits).abs().max() > 1e-3


def test_losses_side_by_side_are_those_of_each_head_alone(demo: data.Prepared) -> None:
    found = [Variant("a", intra=0.1, inter=0.2), Variant("b"), Variant("c", n_latent=2, intra=0.3, eps=0.01)]
    heads: list[Any] = [v.module(demo.train.means.shape[1], 2, seed=0) for v in found]
    together = losses(found, heads, outputs(found, heads, demo.test), demo.test)
    for variant, head, total in zip(found, heads, together, strict=True):
        features = demo.test.features
        spaces = head.spaces(features.values[:, 0].float())
        spread = torch.stack([part.var(0) for part in spaces.split(features.lengths.tolist())])
        centroids = torch.stack([part.mean(0) for part in spaces.split(features.lengths.tolist())]).unsqueeze(1)
        alone = torch.nn.functional.cross_entropy(head.classify(centroids), demo.test.targets)
        alone = alone + variant.intra * (1 / (spread + variant.eps)).sum((1, 2)).mean()
        alone = alone + variant.inter / (1 - torch.tanh(centroids.mean((0, 1))[0] @ centroids.mean((0, 1))[1]) + 1e-9)
        torch.testing.assert_close(total, alone, rtol=1e-3, atol=1e-4)


def test_a_class_that_reads_its_own_space_only_does_not_see_the_other(demo: data.Prepared) -> None:
    variant = Variant("own", own_only=True)
    head: Any = variant.module(demo.train.means.shape[1], 2, seed=0)
    before = outputs([variant], [head], demo.test)[0].logits
    with torch.no_grad():
        head.spaces.operators[0, 1] += 1.0
    after = outputs([variant], [head], demo.test)[0].logits
    torch.testing.assert_close(before[:, 0], after[:, 0])
    assert (before[:, 1] - after[:, 1]).abs().max() > 1e-3


def test_the_optimiser_is_adam_with_decay_in_the_gradient_at_a_constant_rate() -> None:
    ours, theirs = torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    theirs.load_state_dict(ours.state_dict())
    reference = torch.optim.Adam(theirs.parameters(), lr=2e-4, weight_decay=0.01)
    candidate, schedule = WithAdam(ours, 2e-4), ConstantRate(10, 3, 5)
    for step in range(4):
        for module in (ours, theirs):
            module(torch.ones(3, 4)).square().sum().backward()
        candidate.step(schedule.rate(step))
        reference.step()
        reference.zero_grad()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_padding_takes_part_only_where_it_is_asked_for(encoder: Encoder) -> None:
    part = demo_texts("test").take(list(range(6)))
    short = Encoder.from_pretrained(max_length=padding.WIDTH, dtype="float32")
    both = padding.both_ways(short, Parts(part, part, part))
    real = encoder.encode(part.inputs, layers=-1, progress=False)
    masked, padded = both["masked"].test, both["padding in the mean"].test
    assert masked.features.lengths.tolist() == real.lengths.tolist()
    torch.testing.assert_close(masked.means, real.means()[:, 0], rtol=1e-3, atol=1e-4)
    assert set(padded.features.lengths.tolist()) == {padding.WIDTH}
    n = int(real.lengths[0])
    torch.testing.assert_close(padded.features.values[:n], masked.features.values[:n])


def test_every_ablation_has_a_name_of_its_own_and_changes_something() -> None:
    found = ablations()
    assert len({v.name for v in found}) == len(found)
    same = [v.name for v in found[1:] if dataclasses.replace(v, name="") == dataclasses.replace(found[0], name="")]
    assert same == []


def quick_methods(encoder: Encoder, seed: int, made: Callable[..., dict[str, Any]] = outside.methods) -> dict[str, Any]:
    found = made(encoder, seed)
    for name in set(found) - {"probe"}:
        found[name].set_params(n_epochs=2)
    return found


def test_differences_are_paired_by_seed_over_the_seeds_that_both_have(
    demo_parts: Parts, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = data.prepared(tiny_encoder, demo_parts)
    monkeypatch.setattr(outside, "sampled", lambda name: demo_parts)
    monkeypatch.setattr(outside, "relabelled", lambda parts, names: parts)
    monkeypatch.setattr(outside, "prepared", lambda encoder, name: demo)
    monkeypatch.setattr(outside, "DRAWN", 24)
    monkeypatch.setattr(outside, "methods", quick_methods)
    found = outside.generalisation(tiny_encoder, "mr", n_seeds=2, n_trained=1)
    assert {one["less"] for one in found["differences"]} == {"probe", "fine-tuned"}
    for one in found["differences"]:
        for test in ("mr", "imdb"):
            own, other = (found["scores"][one[part]][test] for part in ("method", "less"))
            gaps = [a["accuracy"] - b["accuracy"] for a, b in zip(own, other, strict=False)]
            assert len(gaps) == (1 if "fine-tuned" in (one["method"], one["less"]) else 2)
            assert [gap["accuracy"] for gap in one["tests"][test]["seeds"]] == gaps
            low, high = one["tests"][test]["interval_over_texts"]
            assert low <= np.mean(gaps) + 1e-9
            assert np.mean(gaps) <= high + 1e-9
    page = outside_tables.generalisation({"mr": found})
    assert page.count("| mr | imdb | out |") == len(found["differences"])


def test_the_interval_of_paired_differences_is_the_t_interval() -> None:
    gaps = np.array([0.5, 1.5, -0.2, 0.9])
    expected = stats.ttest_1samp(gaps, 0).confidence_interval(0.95)
    assert interval(gaps.tolist())[1:] == pytest.approx((expected.low, expected.high))
