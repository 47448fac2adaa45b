"""Which way of ranking encoders picks the best one? Two encoders and noisy copies of both, on nine data sets.

For each data set and encoder: test accuracy of a linear probe of three layers fitted on at most 2,000 training texts,
and what `choose_encoder` and the measures of geometry say of at most 1,000 of these. `spacetune compare --label` states
what comes out.

Run `python -m papers.latent_geometry.encoder_choice`, with SPACETUNE_SECOND_ENCODER naming the folder of
all-mpnet-base-v2 (see benchmarks/second_encoder.py). Each data set is kept in encoder_choice.json once it is done.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from papers.latent_geometry.drawing_texts import drawn, run_missing, sets_done
from papers.latent_geometry.rows import HERE
from papers.latent_geometry.rungs import DATA
from papers.which import opened

import spacetune.studies.geometry.encoder_evidence as encoder_evidence
from spacetune import Encoder, LinearProbe
from spacetune.encoders.perturbing import perturb
from spacetune.estimators.layers import thirds
from spacetune.studies import choose_encoder, measure

SETS = {
    "sma": ("train", "test"), "cola": ("train", "dev"), "mr": ("all", None), "subj": ("all", None),
    "olid": ("train", "test"), "liar": ("train", "test"), "hatexplain": ("train", "test"), "sst2": ("train", "dev"),
    "banking77": ("train", "test"),
}  # fmt: skip
TRAIN_TEXTS, TEST_TEXTS, MEASURED = 2_000, 1_000, 400
MEASURES = ("eee", "vrm", "isoscore", "effective_rank", "participation_ratio", "average_cosine", "uniformity", "two_nn")
ALPHAS = (1.0, 4.0)
ABOUT = (
    "English data sets; all-MiniLM-L6-v2, all-mpnet-base-v2, and copies of both with 1 % and 4 % noise in their "
    "weights; score: test accuracy (at most 1,000 texts) of a linear probe of three layers fitted on at most 2,000 "
    "texts; probe, LogME and H-score of at most 1,000 of these, as `choose_encoder` has them; geometry of the last "
    "layer's token states of 400 of them, on 2,000 tokens where more than moments are needed"
)


def run_set(encoders: dict[str, Encoder], name: str, folder: Path) -> dict[str, Any]:
    """Return scores and measures of every encoder on one data set."""
    train, test = drawn(folder / name, SETS[name], TRAIN_TEXTS, TEST_TEXTS)
    choice = choose_encoder(list(encoders.values()), train, store=None, progress=False)
    of_name = {row["encoder"]: row for row in choice.rows()}
    rows = [of_name[encoder.name] for encoder in encoders.values()]
    measures: dict[str, list[float]] = {
        "probe": [row["accuracy"] for row in rows],
        "log_me": [row["log_me"] for row in rows],
        "h_score": [row["h_score"] for row in rows],
        "parameters": [row["parameters"] for row in rows],
    }
    scores: list[float] = []
    for encoder in encoders.values():
        model = LinearProbe(encoder, layers=list(thirds(encoder.n_layers)), store=None)
        model.fit(train.texts, train.labels, progress=False)
        scores.append(float(np.mean(model.predict(test.texts) == np.asarray(test.labels))))
        table = measure(
            encoder, train.texts[:MEASURED], layers=-1, measures=MEASURES, sample=2_000, store=None, progress=False
        )
        for measured, value in ((m, table.wide()[0][m]) for m in MEASURES):
            measures.setdefault(measured, []).append(value)
    return {"scores": scores, "measures": measures, "n_train": len(train), "n_test": len(test)}


def main(out: Path = HERE, data: Path = DATA) -> dict[str, Any]:
    """Run the data sets that are missing, write encoder_choice.json, and hand it to the package."""
    warnings.simplefilter("ignore")
    path = out / "encoder_choice.json"
    sets = sets_done(path)
    missing = [name for name in SETS if name not in sets] if data.is_dir() else []
    names = [f"{name}{noise}" for name in ("MiniLM", "mpnet") for noise in ("", *(f" + {a:g} %" for a in ALPHAS))]
    found: dict[str, Any] = {"encoders": names, "about": ABOUT, "sets": sets}
    encoders: dict[str, Encoder] = {}
    for name, second in (("MiniLM", False), ("mpnet", True)) if missing else ():
        whole = opened(second=second)
        encoders |= {name: whole, **{f"{name} + {alpha:g} %": perturb(whole, alpha) for alpha in ALPHAS}}
    run_missing(path, found, missing, lambda name: run_set(encoders, name, data), "encoder choice", len(SETS))
    if out == HERE and path.is_file():
        shutil.copyfile(path, encoder_evidence.EVIDENCE)
    return found


if __name__ == "__main__":
    main()
    for record in encoder_evidence.encoder_records(encoder_evidence.encoder_evidence()):
        print(record)
