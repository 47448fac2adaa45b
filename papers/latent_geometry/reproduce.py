"""What the published measures say about downstream scores, and what the paper leaves out.

Claims: patchiness on an additive quantizer (AQ-PP) correlates with the GLUE average at r = .9 (perturbed
bert-small) and .64 (perturbed roberta-base), and a regression on it explains 30 % of the variance, 50 % with
the architecture. All of it is reproduced here from the authors' result files; added are bootstrap intervals,
partial correlations given the size of the perturbation, and errors on models that were not fitted.

Run `python -m papers.latent_geometry.reproduce`: writes results.json and results.md beside this file, then runs the
same experiment on the default encoder (`ladder`) and asks whether measures pick the best layer (`layer_choice`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from papers.latent_geometry import statistics as st
from papers.latent_geometry.rows import (
    COLUMNS,
    HERE,
    PUBLISHED,
    Models,
    glue_without_wnli,
    read_all,
    read_export,
)

UNTRAINED = ("untrained", "rand", "untrained_w_emb")
REGRESSED = ("AQ-PP", "PQ-PP", "PQ-RI", "PQ-PD_EEE", "AQ-PD_EEE", "EEE", "VRM", "IsoScore")


def correlations(models: dict[str, Models]) -> dict[str, dict[str, Any]]:
    """Return every cell of the correlation table, with intervals and partial correlations."""
    table: dict[str, dict[str, Any]] = {}
    small, base, roberta = models["small"], models["base"], models["roberta"]
    eight = glue_without_wnli(base)
    for name in COLUMNS:
        row: dict[str, Any] = {
            "base 9-task": st.pearson(base.measures[name], base.glue),
            "base 8-task": st.pearson(base.measures[name], eight),
        }
        for family, group in (("small", small), ("roberta", roberta)):
            kept = group.complete(name)
            x, y, log_alpha = group.measures[name][kept], group.glue[kept], np.log(group.alpha[kept])
            row[family] = st.pearson(x, y)
            row[f"{family} interval"] = st.interval(st.pearson, x, y)
            row[f"Spearman {family}"] = st.spearman(x, y)
            row[f"{family} given log alpha"] = st.partial(x, y, log_alpha)
            row[f"{family} given log alpha, interval"] = st.interval(st.partial, x, y, log_alpha)
        table[name] = row
    return table


def confounding(models: dict[str, Models]) -> dict[str, Any]:
    """Return how much of the correlation the perturbation itself explains."""
    found: dict[str, Any] = {}
    for family in ("small", "roberta"):
        group = models[family]
        low = group.alpha <= 4
        found[family] = {
            "n": len(group.glue),
            "r, log alpha and GLUE": st.pearson(np.log(group.alpha), group.glue),
            "r, AQ-PP and GLUE within alpha": st.within(group.measures["AQ-PP"], group.glue, group.alpha),
            "r for alpha <= 4, AQ-PP": st.pearson(group.measures["AQ-PP"][low], group.glue[low]),
            "r for alpha <= 4, EEE": st.pearson(group.measures["EEE"][low], group.glue[low]),
        }
    return found


def pooled(models: dict[str, Models]) -> Models:
    """Return the perturbed models of all three families as one set."""
    groups = [models[family] for family in ("small", "base", "roberta")]
    return Models(
        tuple(name for group in groups for name in group.names),
        {name: np.concatenate([group.measures[name] for group in groups]) for name in COLUMNS},
        np.concatenate([group.glue for group in groups]),
        np.concatenate([group.alpha for group in groups]),
        tuple(family for group in groups for family in group.family),
    )


def errors(predicted: np.ndarray, other: Models) -> dict[str, float]:
    """Return mean squared errors on the models that were not fitted, against predicting the fitted mean."""
    trained = np.array([name not in UNTRAINED for name in other.names])
    squares = (predicted - other.glue) ** 2
    return {"all 13": float(squares.mean()), "10 trained": float(squares[trained].mean())}


def regressions(models: dict[str, Models]) -> dict[str, Any]:
    """Return fits on the perturbed models and their errors on the 13 others."""
    fitted, other, found = pooled(models), models["non-standard"], {}
    for name in REGRESSED:
        kept = fitted.complete(name)
        x, y = fitted.measures[name][kept], fitted.glue[kept]
        family = tuple(f for f, keep in zip(fitted.family, kept, strict=True) if keep)
        plain, with_family = st.fit_line(x, y), st.fit_line(x, y, family)
        terms = ("intercept", "slope", *with_family.families[1:])
        coefficients = dict(zip(terms, with_family.coefficients.tolist(), strict=True))
        predicted = plain.predict(other.measures[name], other.family)
        predicted_family = with_family.predict(other.measures[name], other.family)
        found[name] = {
            "n": int(kept.sum()),
            "r2": plain.r2,
            "r2 with architecture": with_family.r2,
            "coefficients": plain.coefficients.tolist(),
            "coefficients with architecture": coefficients,
            "leave-one-out MSE": plain.leave_one_out_mse,
            "leave-one-out MSE with architecture": with_family.leave_one_out_mse,
            "MSE on models not fitted": errors(predicted, other),
            "MSE on models not fitted, with architecture": errors(predicted_family, other),
            "predictions": dict(zip(other.names, predicted.tolist(), strict=True)),
            "predictions with architecture": dict(zip(other.names, predicted_family.tolist(), strict=True)),
        }
    mean = np.full(len(other.glue), fitted.glue.mean())
    found["fitted mean"] = {"MSE on models not fitted": errors(mean, other)}
    return found


def against_export(found: dict[str, Any], folder: Path) -> dict[str, float]:
    """Return the greatest difference of our predictions from the authors' own."""
    exported = read_export(folder)
    columns = {"predictions": "a-patchiness", "predictions with architecture": "a-patchiness_m"}
    return {
        ours: max(abs(value - float(exported[name][theirs])) for name, value in found["AQ-PP"][ours].items())
        for ours, theirs in columns.items()
    }


def study(folder: Path = PUBLISHED) -> dict[str, Any]:
    """Return all results."""
    models = read_all(folder)
    fits = regressions(models)
    return {
        "n": {family: len(group.glue) for family, group in models.items()},
        "correlations": correlations(models),
        "confounding": confounding(models),
        "regressions": fits,
        "greatest difference from the authors' predictions": against_export(fits, folder),
    }


def published_results(folder: Path = PUBLISHED, out: Path = HERE) -> dict[str, Any]:
    """Write results.json and results.md, and return the results."""
    from papers.latent_geometry.tables import markdown

    found = study(folder)
    (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "results.md").write_text(markdown(found, read_all(folder)["non-standard"]))
    return found


def main() -> None:
    """Run all parts: the published files, the ladder on the default encoder, the choice of layer and of encoder."""
    from papers.latent_geometry import encoder_choice, ladder, layer_choice

    if PUBLISHED.is_dir():
        published_results()
    else:
        print(f"the authors' result files are not at {PUBLISHED}: results.json stays as it is", file=sys.stderr)
    ladder.main()
    layer_choice.main()
    encoder_choice.main()


if __name__ == "__main__":
    main()
    print((HERE / "results.md").read_text())
