"""The results as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from papers.muppet.tables import table
from papers.rationales.methods import OURS, STATES

MEASURES = (
    "token F1", "IOU F1", "AUPRC", "AUPRC, marked by anyone", "comprehensiveness", "sufficiency",
    "comprehensiveness over shares", "sufficiency over shares",
)  # fmt: skip
LOWER = ("sufficiency", "sufficiency over shares")


def markdown(folder: Path) -> str:
    """Return the page of all results that are there."""
    published = json.loads((folder / "published.json").read_text())
    found = {place.stem: json.loads(place.read_text()) for place in sorted((folder / "results").glob("*.json"))}
    seeds = [found[name] for name in found if name.startswith("seed_")]
    sections = [_head(published)]
    sections += [
        _rules(found[name], model)
        for name, model in (
            ("rules", "the model of seed 0"),
            ("rules_second", "all-mpnet-base-v2, a model of 2,000 training posts"),
        )
        if name in found
    ]
    if "compared" in found:
        sections += [_compared(found["compared"]), _differences(found["compared"])]
    if seeds:
        sections += [_whole(seeds), _readings(seeds[0], found.get("compared"))]
    return "\n".join(sections)


def _head(published: dict[str, str]) -> str:
    return f"""# Explanations held to people

Written by `python -m papers.rationales.reproduce` from the files in `results/`. Measures: {published["measures"]}.
Data: {published["data"]}. What is measured, and what the figures say: docs/how-it-works/explanations.md.
"""


def _rules(found: dict[str, Any], model: str) -> str:
    rows = [[name, *(f"{values[each]:.3f}" for each in values)] for name, values in found["rules"].items()]
    return f"""## Where to look, and what becomes of the biases: {model}

On {found["posts"]} dev posts: AUPRC of what speaks for the toxic classes; comprehensiveness and
sufficiency of what speaks for the predicted class against the others, on {found["posts for faithfulness"]} of them. All
sum to the logits, those "apart" with a remainder that no word has. The biases of the network bring
{found["biases over logits"]:.2f} times the mean absolute logit.

{table(["rule", "AUPRC", "comprehensiveness", "sufficiency"], rows)}
"""


def _compared(found: dict[str, Any]) -> str:
    seconds, about = found["cpu seconds a text"], found["posts"]
    rows = [
        [name, *(f"{scores[each]:.3f}" for each in MEASURES), f"{seconds[name]:.4f}", _times(seconds, name)]
        for name, scores in found["test"].items()
    ]
    return f"""## Beside other methods, on the same model

{about["posts"]} test posts drawn with a seed, {about["words"]:.1f} words each,
{about["words marked by a majority"]:.1f} of them marked by a majority
and {about["words marked by anyone"]:.1f} by anyone; the model of seed 0.
Sufficiency: the lower the better; all else: the higher.
Integrated gradients miss the difference of logits that they should sum to by
{found["integrated gradients, largest gap"]:.3f} at most. Seconds are CPU seconds of one thread for one text at a time,
for all three classes.

{table(["method", *MEASURES, "seconds a text", "times exact at the states"], rows)}
"""


def _times(seconds: dict[str, float], name: str) -> str:
    ratio = seconds[name] / seconds[STATES]
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _differences(found: dict[str, Any]) -> str:
    rows = [
        [f"{own} less {name}", *(_interval(apart[each], each in LOWER) for each in MEASURES)]
        for own in OURS
        for name, apart in found["ours less the other"][own].items()
        if name not in (*OURS, "random")
    ]
    return f"""## Ours less the others

On the same posts, with 95 % intervals over draws of the posts (paired bootstrap). **Bold** where the interval
leaves out 0 in our favour, *slanted* where it does against us.

{table(["difference", *MEASURES], rows)}
"""


def _interval(values: list[float], lower: bool) -> str:
    apart, low, high = values
    shown = f"{apart:+.3f} ({low:+.3f} to {high:+.3f})"
    if low <= 0 <= high:
        return shown
    return f"**{shown}**" if (apart > 0) != lower else f"*{shown}*"


def _whole(seeds: list[dict[str, Any]]) -> str:
    about = seeds[0]["posts"]["test"]
    accuracy = [each["accuracy"] for each in seeds]
    rows = [
        [
            name,
            *(_spread([s["test"][name][m] for s in seeds]) for m in MEASURES),
        ]
        for name in OURS
    ]
    return f"""## Ours on all test posts

{about["posts"]:,} posts labelled hateful or offensive, {about["with a majority rationale"]:,} of them with a word that
two people marked (plausibility is measured on these); fits with seeds {", ".join(str(s["seed"]) for s in seeds)},
mean ± standard deviation. Test accuracy of the models {_spread(accuracy)}.

{table(["method", *MEASURES], rows)}
"""


def _spread(values: list[float]) -> str:
    """Write a mean with its standard deviation; of one value there is none."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def _readings(first: dict[str, Any], compared: dict[str, Any] | None) -> str:
    rows = _choices(first["chosen on dev"], "all test posts")
    rows += [] if compared is None else _choices(compared["chosen on dev"], "beside other methods")
    values = first["chosen on dev"][STATES]
    plausible, faithful = (values[kind]["values"] for kind in ("plausibility", "faithfulness"))
    each = [[name, f"{plausible[name]:.3f}", f"{faithful[name]:.3f}"] for name in plausible]
    few = "" if compared is None else f" Beside other methods, all chose on {compared['dev posts']} of them."
    return f"""## Readings, chosen on dev

For plausibility by AUPRC, for faithfulness by comprehensiveness less sufficiency of the top five; the value on dev in
brackets. For all test posts ours chose on {first["posts"]["dev"]["posts"]} dev posts (by faithfulness on the first
hundred of them; seed 0 is shown).{few}

{table(["method", "for", "for plausibility", "for faithfulness"], rows)}

All readings of the exact scores at the states on dev (seed 0, all test posts):

{table(["reading", "AUPRC", "comprehensiveness less sufficiency"], each)}
"""


def _choices(chosen: dict[str, Any], where: str) -> list[list[str]]:
    def told(kind: dict[str, Any]) -> str:
        return f"{kind['reading']} ({max(kind['values'].values()):.3f})"

    return [[name, where, told(c["plausibility"]), told(c["faithfulness"])] for name, c in chosen.items()]
