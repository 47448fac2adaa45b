"""The results as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
        sections += [part(found["compared"]) for part in (_compared, _differences, _readings)]
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
    alone = "".join(f", {name} on the first alone" for name in found["of the first fit alone"])
    rows = [
        [name, *(f"{scores[each]:.3f}" for each in MEASURES), f"{seconds[name]:.4f}", _times(seconds, name)]
        for name, scores in found["test"].items()
    ]
    return f"""## Beside other methods, on the same models

{about["posts"]:,} test posts, drawn of those labelled hateful or offensive, {about["words"]:.1f} words each.
In {about["with a majority rationale"]:,} of them a majority marked words, {about["words marked by a majority"]:.1f} a
post, and anyone {about["words marked by anyone"]:.1f} (plausibility is measured on these). Means over the fits with
seeds {", ".join(map(str, found["seeds"]))}; all methods on the same models{alone}.
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

On the same posts and models, with 95 % intervals over draws of both (paired bootstrap). **Bold** where the interval
leaves out 0 in our favour, *slanted* where it does against us.

{table(["difference", *MEASURES], rows)}
"""


def _interval(values: list[float], lower: bool) -> str:
    apart, low, high = values
    shown = f"{apart:+.3f} ({low:+.3f} to {high:+.3f})"
    if low <= 0 <= high:
        return shown
    return f"**{shown}**" if (apart > 0) != lower else f"*{shown}*"


def _readings(found: dict[str, Any]) -> str:
    first = found["chosen on dev"][0]
    plausible, faithful = (first[STATES][kind]["values"] for kind in ("plausibility", "faithfulness"))
    each = [[name, f"{plausible[name]:.3f}", f"{faithful[name]:.3f}"] for name in plausible]
    return f"""## Readings, chosen on dev

For plausibility by AUPRC, for faithfulness by comprehensiveness less sufficiency of the top five, on
{found["dev posts"]} dev posts; the value on dev in brackets. Seed {found["seeds"][0]} is shown.

{table(["method", "for plausibility", "for faithfulness"], _choices(first))}

All readings of the exact scores at the states on dev:

{table(["reading", "AUPRC", "comprehensiveness less sufficiency"], each)}
"""


def _choices(chosen: dict[str, Any]) -> list[list[str]]:
    def told(kind: dict[str, Any]) -> str:
        return f"{kind['reading']} ({max(kind['values'].values()):.3f})"

    return [[name, told(c["plausibility"]), told(c["faithfulness"])] for name, c in chosen.items()]
