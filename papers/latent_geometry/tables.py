"""The study's results as Markdown."""

from __future__ import annotations

from typing import Any

from papers.latent_geometry.rows import Models


def interval_text(ends: list[float]) -> str:
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def correlation_table(found: dict[str, Any]) -> str:
    """Return correlations with the GLUE average."""
    header = [
        "measure", "small", "95 %", "base 9-task", "base 8-task", "roberta", "95 %", "Spearman small",
        "Spearman roberta", "small given log α", "95 %", "roberta given log α", "95 %",
    ]  # fmt: skip
    rows = [
        [
            name, f"{row['small']:.3f}", interval_text(row["small interval"]), f"{row['base 9-task']:.3f}",
            f"{row['base 8-task']:.3f}", f"{row['roberta']:.3f}", interval_text(row["roberta interval"]),
            f"{row['Spearman small']:.3f}", f"{row['Spearman roberta']:.3f}",
            f"{row['small given log alpha']:.3f}", interval_text(row["small given log alpha, interval"]),
            f"{row['roberta given log alpha']:.3f}", interval_text(row["roberta given log alpha, interval"]),
        ]
        for name, row in found["correlations"].items()
    ]  # fmt: skip
    return table(header, rows)


def regression_table(found: dict[str, Any]) -> str:
    """Return fits and their errors in and out of sample."""
    header = ["measure", "n", "r²", "r² + arch", "LOO MSE", "LOO + arch", "MSE 13", "MSE 13 + arch", "MSE 10"]
    rows = []
    for name, fit in found["regressions"].items():
        outside = fit["MSE on models not fitted"]
        if "r2" not in fit:
            ends = [f"{outside['all 13']:.4f}", "", f"{outside['10 trained']:.4f}"]
            rows.append([name, "", "", "", "", "", *ends])
            continue
        numbers = [fit["r2"], fit["r2 with architecture"]]
        numbers += [fit["leave-one-out MSE"], fit["leave-one-out MSE with architecture"], outside["all 13"]]
        numbers += [fit["MSE on models not fitted, with architecture"]["all 13"], outside["10 trained"]]
        places = [3, 3, 4, 4, 4, 4, 4]
        rows.append([name, str(fit["n"]), *(f"{x:.{p}f}" for x, p in zip(numbers, places, strict=True))])
    return table(header, rows)


def prediction_table(found: dict[str, Any], models: Models) -> str:
    """Return the predictions for models that were not fitted."""
    fit = found["regressions"]["AQ-PP"]
    both = fit["predictions"], fit["predictions with architecture"]
    rows = [
        [name, f"{glue:.3f}", *(f"{predicted[name]:.4f}" for predicted in both)]
        for name, glue in zip(models.names, models.glue, strict=True)
    ]
    return table(["model", "GLUE", "AQ-PP", "AQ-PP + arch"], rows)


def markdown(found: dict[str, Any], models: Models) -> str:
    """Return the whole study as a page."""
    small, roberta = found["confounding"]["small"], found["confounding"]["roberta"]
    return f"""# Latent-space geometry and GLUE, from the published result files

Written by `python -m papers.latent_geometry.reproduce`. Intervals are 95 % percentile bootstraps over rows.

## Correlation with the GLUE average

{correlation_table(found)}

The paper's r = .9 and .64 are AQ-PP. The size α of the perturbation alone correlates with the GLUE average at
r = {small["r, log alpha and GLUE"]:.3f} (bert-small) and {roberta["r, log alpha and GLUE"]:.3f} (roberta):
more than any measure. Given log α little of AQ-PP's correlation is left (table), and within one α it is
{small["r, AQ-PP and GLUE within alpha"]:.3f} (bert-small; the seeds of one α differ little: weak evidence).
For α <= 4, where models still work, EEE does better than AQ-PP: {small["r for alpha <= 4, EEE"]:.3f} against
{small["r for alpha <= 4, AQ-PP"]:.3f} (bert-small), {roberta["r for alpha <= 4, EEE"]:.3f} against
{roberta["r for alpha <= 4, AQ-PP"]:.3f} (roberta).

## Regression of the GLUE average

Fitted on all perturbed models, tried on the 13 models from the literature (10: without the untrained and
random ones). LOO: leave one out of the fitted models.

{regression_table(found)}

For AQ-PP, the paper's measure, the architecture raises r² on the fitted models and makes the predictions for
other models worse; for EEE and VRM it helps on both. PQ-RI fits best by itself, and by itself predicts the
other models worst.

## Predictions for the 13 models that were not fitted

{prediction_table(found, models)}
"""
