"""`measure`: what streams is that of all tokens, the rest of a stated sample, and both say so."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spacetune import Encoder, measure
from spacetune.encoders import FeatureStore, TokenFeatures, perturb
from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    CATALOGUE,
    PointCloud,
    SampleSizeWarning,
    average_cosine,
    eee,
    hubness,
    isoscore,
    prompt_entropy,
    rankme,
    uniformity,
)
from spacetune.studies import MEASURE_GROUPS, demo_texts
from spacetune.studies.geometry.cell_streams import COUNTED
from spacetune.studies.geometry.measuring import choose_measures
from spacetune.studies.geometry.token_streams import TokenStream

TEXTS = demo_texts("train").texts[:120]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        yield


def states(shallow: Encoder, layer: int) -> np.ndarray:
    return shallow.encode(TEXTS, layers=layer).values[:, 0].double().numpy()


@pytest.mark.parametrize("stored", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_values_are_those_of_the_plain_functions(shallow: Encoder, tmp_path: Path, stored: bool) -> None:
    store = FeatureStore(tmp_path) if stored else None
    names = ["isoscore", "average_cosine", "hubness", "uniformity", "eee"]
    table = measure(shallow, TEXTS, layers=[0, 1], measures=names, store=store)
    assert (table.layers, table.measures) == ((0, 1), tuple(names))
    for layer in (0, 1):
        points = states(shallow, layer)
        assert (table.n_tokens, table.n_sample) == (len(points), len(points))
        for name, function in (("eee", eee), ("isoscore", isoscore), ("average_cosine", average_cosine)):
            assert table[layer, name] == pytest.approx(function(points), rel=1e-6), name
        for name, function in (("hubness", hubness), ("uniformity", uniformity)):
            assert table[layer, name] == pytest.approx(function(points), rel=1e-6), name
    assert table[-1, "eee"] == table[1, "eee"]


def test_the_sample_is_stated_and_seeded(shallow: Encoder) -> None:
    def at(seed: int) -> Any:
        return measure(shallow, TEXTS, layers=1, measures=["eee", "uniformity"], sample=300, seed=seed)

    table = at(0)
    assert [entry.n for entry in table.values] == [table.n_tokens, 300]
    assert table.n_sample == 300
    assert table.to_dict() == at(0).to_dict()
    assert at(1)[1, "eee"] == table[1, "eee"]
    assert at(1)[1, "uniformity"] != table[1, "uniformity"]


QUANTIZED = ("pq_re", "pq_rs", "pq_pc_var", "pq_pc_kl", "pq_pp", "pq_ri", "pq_pd_eee")


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False])
def test_cells_of_the_sample_count_all_tokens(shallow: Encoder, tmp_path: Path, stored: bool) -> None:
    store = FeatureStore(tmp_path) if stored else None
    table = measure(shallow, TEXTS, layers=[0, 1], measures=QUANTIZED, sample=600, store=store)
    stream = TokenStream(2, shallow.dim, sample=600, seed=0, moments=False)
    stream.update(shallow.encode(TEXTS, layers=[0, 1]))
    for place, layer in enumerate((0, 1)):
        sampled, every = PointCloud(stream.sample()[0][:, place]), PointCloud(states(shallow, layer))
        every.quantize_with(sampled.quantization("product").quantizer)
        for name in QUANTIZED:
            counted = name in COUNTED
            entry = next(v for v in table.values if (v.layer, v.measure) == (layer, name))
            assert entry.n == (table.n_tokens if counted else 600)
            expected = CATALOGUE[name].function(every if counted else sampled)
            assert entry.value == pytest.approx(expected, rel=1e-4), name
            if counted:
                assert entry.value != pytest.approx(CATALOGUE[name].function(sampled), rel=1e-4)
    assert any("all tokens, in the cells of a quantizer trained on 600 of them (10,000" in n for n in table.notes)


def test_the_entropy_of_texts_is_the_mean_over_all_of_them(shallow: Encoder) -> None:
    table = measure(shallow, TEXTS, layers=[0, 1], measures=["prompt_entropy", "rankme"], sample=50, intervals=True)
    features = shallow.encode(TEXTS, layers=[0, 1])
    texts = np.repeat(np.arange(len(TEXTS)), features.lengths.numpy())
    for place, layer in enumerate((0, 1)):
        values = features.values[:, place].float().numpy()
        assert table[layer, "prompt_entropy"] == pytest.approx(prompt_entropy(values, texts))
        assert table[layer, "rankme"] == pytest.approx(rankme(values))
        entry = next(v for v in table.values if (v.layer, v.measure) == (layer, "prompt_entropy"))
        assert entry.n == table.n_tokens
        assert entry.low is not None
        assert entry.high is not None
        assert entry.low < entry.value < entry.high
    assert "prompt_entropy" in MEASURE_GROUPS["all"]
    assert "prompt_entropy" not in MEASURE_GROUPS["streamed"]


def test_where_the_sample_is_all_tokens_or_the_form_is_official_cells_are_the_samples(shallow: Encoder) -> None:
    names = ["pq_re", "pq_pp"]
    whole = measure(shallow, TEXTS, layers=1, measures=names)
    cloud = PointCloud(states(shallow, 1))
    for name in names:
        assert whole[1, name] == pytest.approx(CATALOGUE[name].function(cloud), rel=1e-3)  # a cell may fall otherwise
    official = measure(shallow, TEXTS, layers=1, measures=names, sample=600, variant="official")
    assert [entry.n for entry in official.values] == [600, 600]
    assert not any("in the cells of" in note for table in (whole, official) for note in table.notes)


def test_counted_measures_have_intervals_over_groups_of_texts(encoder: Encoder) -> None:
    table = measure(encoder, TEXTS, layers=6, measures=["pq_re", "pq_pp"], sample=600, intervals=True)
    plain = measure(encoder, TEXTS, layers=6, measures=["pq_re", "pq_pp"], sample=600)
    for entry, same in zip(table.values, plain.values, strict=True):
        assert entry.value == pytest.approx(same.value, rel=1e-9)
        assert entry.low is not None
        assert entry.high is not None
        assert entry.low < entry.value < entry.high


@pytest.mark.slow
def test_provenance_and_rows(shallow: Encoder) -> None:
    table = measure(shallow, TEXTS, layers=[0, 1], measures=["eee"])
    assert table.provenance.sha256 == shallow.source.sha256
    assert json.loads(table.to_json())["provenance"]["encoder"] == shallow.name
    assert [(row["layer"], row["measure"]) for row in table.rows()] == [(0, "eee"), (1, "eee")]
    assert [sorted(row) for row in table.wide()] == [["eee", "layer"]] * 2
    other = measure(perturb(shallow, 5), TEXTS, layers=[0, 1], measures=["eee"])
    assert other[0, "eee"] == table[0, "eee"]
    assert other[1, "eee"] != table[1, "eee"]


def test_too_few_tokens_warn_once_and_stand_in_the_notes(shallow: Encoder) -> None:
    with pytest.warns(SampleSizeWarning, match=r"tokens of 384 dimensions are fewer than advised for eee") as caught:
        table = measure(shallow, TEXTS, layers=[0, 1], measures=["eee", "hubness"], sample=500)
    assert len(caught) == 1
    assert any("500 tokens" in note and "hubness (1,000)" in note for note in table.notes)
    assert all(entry.advised > entry.n for entry in table.values)


def test_texts_that_were_cut_are_counted(tmp_path: Path) -> None:
    short = Encoder.from_pretrained(dtype="float32", max_length=8)
    for store in (None, FeatureStore(tmp_path)):
        table = measure(short, TEXTS[:10], layers=1, measures=["eee"], store=store)
        assert table.provenance.n_truncated == 10
        assert any("10 of 10 texts were cut at 8 tokens" in note for note in table.notes)


@pytest.mark.slow
def test_intervals_cover_the_spread_between_texts(shallow: Encoder) -> None:
    names = ["isoscore", "average_cosine", "uniformity"]
    table = measure(shallow, TEXTS, layers=1, measures=names, intervals=True)
    plain = measure(shallow, TEXTS, layers=1, measures=names)
    for entry, same in zip(table.values, plain.values, strict=True):
        assert entry.value == pytest.approx(same.value, rel=1e-9)
        assert entry.low is not None
        assert entry.high is not None
        assert entry.low < entry.value < entry.high
        assert (same.low, same.high) == (None, None)
    half = measure(shallow, TEXTS[::2], layers=1, measures=names)
    for name in ("average_cosine", "uniformity"):
        entry = next(v for v in table.values if v.measure == name)
        assert abs(half[1, name] - entry.value) < 2 * (entry.high - entry.low)


def test_a_measure_without_a_value_says_why(shallow: Encoder) -> None:
    table = measure(shallow, TEXTS[:3], layers=1, measures=["eee", "pq_pp"])
    assert any("pq_pp has no value" in note and "at least 256 points" in note for note in table.notes)
    with pytest.raises(DataError, match="pq_pp has no value at layer 1"):
        table[1, "pq_pp"]
    with pytest.raises(UsageError, match="was not measured"):
        table[5, "eee"]


def test_groups_and_wrong_calls(shallow: Encoder) -> None:
    assert set(MEASURE_GROUPS) == {"default", "streamed", "official", "all"}
    assert all(set(names) <= set(CATALOGUE) for names in MEASURE_GROUPS.values())
    assert choose_measures("eee") == ("eee",)
    with pytest.raises(UsageError, match="did you mean 'isoscore'"):
        measure(shallow, TEXTS, measures=["isoscor"])
    with pytest.raises(UsageError, match="compares two"):
        measure(shallow, TEXTS, measures=["procrustes"])
    with pytest.raises(UsageError, match="has layers 0"):
        measure(shallow, TEXTS, layers=9)
    with pytest.raises(UsageError, match="sample must be at least 2"):
        measure(shallow, TEXTS, sample=1)
    with pytest.raises(UsageError, match="no measure was asked for"):
        measure(shallow, TEXTS, measures=[])
    for bad in ([], "one text", [1]):
        with pytest.raises(DataError):
            measure(shallow, bad)


def test_a_sampled_token_is_counted_to_its_own_text_and_groups_merge_to_the_whole() -> None:
    lengths = torch.tensor([3, 0, 5, 1, 4, 2])
    texts = torch.repeat_interleave(torch.arange(6), lengths)
    values = torch.stack([texts.double(), torch.arange(15).double()], dim=1).unsqueeze(1)
    features = TokenFeatures(values, torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)]))
    stream = TokenStream(1, 2, sample=7, seed=0, n_groups=4)
    stream.update(features.take(torch.tensor([0, 1, 2])))
    stream.update(features.take(torch.tensor([3, 4, 5])))
    points, groups = stream.sample()
    assert points.shape == (7, 1, 2)
    assert (points[:, 0, 0] % 4 == groups).all()
    moments, directions = stream.layers[0].merged()
    assert (stream.n_texts, stream.n_tokens, moments.n, directions.n) == (6, 15, 15, 15)
    assert moments.mean == pytest.approx(values[:, 0].mean(0).numpy())
    some, _ = stream.layers[0].merged(np.array([True, False, False, True]))  # texts 0, 3 and 4
    assert some.n == 8


def test_spectra_are_what_the_measures_are_made_of(shallow: Encoder) -> None:
    table = measure(shallow, TEXTS, layers=[0, 1], measures=["participation_ratio"], store=None)
    assert table.spectra.shape == (2, min(shallow.dim, table.n_tokens))
    for layer, values in zip(table.layers, table.spectra, strict=True):
        assert (np.diff(values) <= 0).all()
        ratio = values.sum() ** 2 / (values**2).sum()
        assert table[layer, "participation_ratio"] == pytest.approx(ratio, rel=1e-6)
    assert "spectra" not in table.to_dict()
