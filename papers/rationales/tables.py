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
SETTINGS = {
    "": "HateXplain, the default encoder",
    "_second": "HateXplain, all-mpnet-base-v2, learnt from 2,000 posts",
    "_tweets": "tweets and their sentiment, the default encoder",
}
"""What a file's name ends with, and what its section says it is of."""


def markdown(folder: Path) -> str:
    """Return the page of all results that are there."""
    published = json.loads((folder / "published.json").read_text())
    found = {place.stem: json.loads(place.read_text()) for place in sorted((folder / "results").glob("*.json"))}
    sections = [_head(published)]
    sections += [_rules(found[f"rules{each}"], name) for each, name in SETTINGS.items() if f"rules{each}" in found]
    for each, name in SETTINGS.items():
        if f"compared{each}" in found:
            sections += [part(found[f"compared{each}"], name) for part in (_compared, _differences, _readings)]
    return "\n".join(sections)


def _head(published: dict[str, str]) -> str:
    return f"""# Explanations held to people

Written by `python -m papers.rationales.reproduce` from the files in `results/`. Measures: {published["measures"]}.
Data: {published["data"]}; {published["second data"]}.
What is measured, and what the figures say: docs/how-it-works/explanations.md.
"""


def _rules(found: dict[str, Any], setting: str) -> str:
    rows = [[name, *(f"{values[each]:.3f}" for each in values)] for name, values in found["rules"].items()]
    return f"""## Where to look, and what becomes of the biases: {setting}

On {found["posts"]} dev posts: AUPRC of what speaks against the neutral class; comprehensiveness and
sufficiency of what speaks for the predicted class against the others, on {found["posts for faithfulness"]} of them. All
sum to the logits, those "apart" with a remainder that no word has. The biases of the network bring
{found["biases over logits"]:.2f} times the mean absolute logit.

{table(["rule", "AUPRC", "comprehensiveness", "sufficiency"], rows)}
"""


def _compared(found: dict[str, Any], setting: str) -> str:
    seconds, about = found["cpu seconds a text"], found["posts"]
    alone = "".join(f", {name} on the first alone" for name in found["of the first fit alone"])
    rows = [
        [name, *(f"{scores[each]:.3f}" for each in MEASURES), f"{seconds[name]:.4f}", _times(seconds, name)]
        for name, scores in found["test"].items()
    ]
    return f"""## Beside other methods, on the same models: {setting}

{about["posts"]:,} test posts with a label other than the neutral one, {about["words"]:.1f} words each.
In {about["with a majority rationale"]:,} of them words are marked by a majority,
{about["words marked by a majority"]:.1f} a post, and by anyone {about["words marked by anyone"]:.1f}
(plausibility is measured on these). Fits with the seeds {", ".join(map(str, found["seeds"]))};
all methods on the same models{alone}.
Sufficiency: the lower the better; all else: the higher.
Integrated gradients miss the difference of logits that they should sum to by
{found["integrated gradients, largest gap"]:.3f} at most. Seconds are CPU seconds of one thread for one text at a time,
for all three classes.

{table(["method", *MEASURES, "seconds a text", "times exact at the states"], rows)}
"""


def _times(seconds: dict[str, float], name: str) -> str:
    ratio = seconds[name] / seconds[STATES]
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _differences(found: dict[str, Any], setting: str) -> str:
    rows = [
        [f"{own} less {name}", *(_interval(apart[each], each in LOWER) for each in MEASURES)]
        for own in OURS
        for name, apart in found["ours less the other"][own].items()
        if name not in (*OURS, "random")
    ]
    return f"""### Ours less the others: {setting}

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


def _readings(found: dict[str, Any], setting: str) -> str:
    first = found["chosen on dev"][0]
    plausible, faithful = (first[STATES][kind]["values"] for kind in ("plausibility", "faithfulness"))
    each = [[name, f"{plausible[name]:.3f}", f"{faithful[name]:.3f}"] for name in plausible]
    return f"""### Readings, chosen on dev: {setting}

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
