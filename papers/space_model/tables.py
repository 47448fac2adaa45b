"""The results as Markdown, the published numbers beside ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import table
from papers.space_model.data import SAMPLED
from papers.space_model.outside_tables import data_size, generalisation
from papers.space_model.scores import Cells, chosen, family, gap_text, of_set, paired, spread, values
from papers.space_model.variants import RATES

TITLES = {
    "sma": "Social Media Attributions (2 labels)", "hatexplain": "HateXplain (3 labels)", "imdb": "IMDB (2 labels)",
    "transfer": "IMDB to HateXplain (2 labels)",
}  # fmt: skip
MEASURES = ("accuracy", "macro_f1")
DIFFERENCES = (
    *(("space 3", plain) for plain in ("linear, first", "linear, mean", "hidden, first", "hidden, mean")),
    *((f"space 3 +{loss}", "space 3") for loss in ("inter", "intra", "both")),
)


def majority(cells: Sequence[Any], test: str) -> str:
    scores = cells[0]["majority"][test]
    return " / ".join(f"{100 * scores[m]:.1f}" for m in MEASURES)


def published(told: Mapping[str, Any], cells: Sequence[Any], test: str) -> str:
    """Return the published rows; the majority is that of our test part."""
    rows = [
        [head, encoder, "?" if epochs is None else epochs, "?" if size is None else size,
         f"{100 * accuracy:.1f}", f"{100 * f1:.1f}", majority(cells, test)]
        for head, encoder, epochs, size, accuracy, f1 in told["rows"]
    ]  # fmt: skip
    header = ["published head", "encoder", "epochs", "parameters", "accuracy", "macro-F1", "majority acc / F1"]
    return f"Published ({told['note']}):\n\n{table(header, rows)}"


def scored(cells: Sequence[Any], test: str = "test") -> str:
    """Return every head at every rate and number of epochs."""
    epochs = list(next(iter(cells[0]["variants"].values()))["epochs"])
    header = ["head", "rate", "parameters", *(f"{n} ep. acc | F1" for n in epochs), "majority acc / F1"]
    header = [part for cell in header for part in cell.split(" | ")]
    rows = [
        [family(v), f"{told['learning_rate']:g}", told["parameters"],
         *(spread(values(cells, v, int(n), test, m)) for n in epochs for m in MEASURES), majority(cells, test)]
        for v, told in cells[0]["variants"].items()
    ]  # fmt: skip
    return table(header, rows)


def by_dev(cells: Sequence[Any], tests: Sequence[str]) -> str:
    """Return every head at the rate and epochs that dev chooses."""
    header = ["head", "rate", "epochs", *(f"{t} {m}" for t in tests for m in ("acc", "F1"))]
    rows = [
        [name, v.split("@")[1], epoch, *(spread(values(cells, v, epoch, t, m)) for t in tests for m in MEASURES)]
        for name, (v, epoch) in chosen(cells).items()
    ]
    return table(header, rows)


def gaps(cells: Sequence[Any], test: str) -> str:
    """Return paired differences at the published rate, at ten times that, and at what dev chooses."""
    best, rows = chosen(cells), list[list[str]]()
    epochs = [int(n) for n in next(iter(cells[0]["variants"].values()))["epochs"] if int(n) > 1]
    settings = [(f"{rate:g}", n) for rate in RATES[:2] for n in epochs]
    for one, other in DIFFERENCES:
        cut = [(f"{one} @{rate}", f"{other} @{rate}", n, n) for rate, n in settings]
        cut.append((best[one][0], best[other][0], best[one][1], best[other][1]))
        found = [
            gap_text(paired(values(cells, a, n, test, "macro_f1"), values(cells, b, k, test, "macro_f1")))
            for a, b, n, k in cut
        ]
        rows.append([one, other, *found])
    header = ["head", "less", *(f"{rate}, {n} epochs" for rate, n in settings), "each as dev chooses"]
    return table(header, rows)


def comparison(name: str, cells: Cells, large: Cells, told: Mapping[str, Any]) -> str:
    own, more = of_set(cells, name), of_set(large, name)
    one = own[0]
    cut = 100 * one["n_train_cut"] / (SAMPLED[name][0] if name in SAMPLED else one["n_train"])
    many = f"\n\nLarger spaces, {len(more)} seed(s):\n\n{scored(more)}" if more else ""
    return f"""## {TITLES[name]}

{one["n_train"]:,} training and {one["n_test"]["test"]:,} test texts; {cut:.1f} % of the training texts are longer than
the cut; {len(own)} {"seeds" if len(own) > 1 else "seed"}.

{published(told[name], own, "test")}

Ours, mean ± standard deviation over seeds, per cent:

{scored(own)}{many}

Rate and epochs of every head chosen on dev (mean macro-F1 over seeds), per cent on test:

{by_dev(own, ["test"])}

Difference of macro-F1 on test in points, paired by seed, with 95 % t intervals over seeds if there are 3:

{gaps(own, "test")}
"""


def transfer(cells: Cells, told: Mapping[str, Any]) -> str:
    own = of_set(cells, "imdb")
    accuracies = [100 * row[4] for row in told["transfer"]["rows"]]
    level = 100 * own[0]["majority"]["hatexplain"]["accuracy"]
    toxic = max(level, 100 - level)
    return f"""## {TITLES["transfer"]}

The heads trained on IMDB above, scored unchanged on the test part of HateXplain (hatespeech and offensive as negative,
normal as positive; {own[0]["n_test"]["hatexplain"]:,} posts). The most frequent class makes up {toxic:.1f} %:
the published accuracies, {min(accuracies):.1f} to {max(accuracies):.1f}, are at that level and carry no information.
Only macro-F1 distinguishes the heads.

{published(told["transfer"], own, "hatexplain")}

{scored(own, "hatexplain")}

{gaps(own, "hatexplain")}
"""


def disjoint(cells: Cells) -> str:
    """Return how far apart the spaces are, with the losses and without."""
    names = dict.fromkeys(key.rsplit(".", 1)[0] for key in cells)
    rows: list[list[Any]] = []
    for name in names:
        own = of_set(cells, name)
        for variant, told in own[0]["variants"].items():
            if "spaces" not in told:
                continue
            found = {k: [cell["variants"][variant]["spaces"][k] for cell in own] for k in told["spaces"]}
            cosine = spread([100 * x for x in found["centroid_cosine"]])
            rows.append([
                name, family(variant), f"{told['learning_rate']:g}", len(own), spread(found["mean_angle"]),
                spread(found["smallest_angle"]), f"{sum(found['overlap']) / len(own):.3f}",
                f"{found['chance_overlap'][0]:.3f}", cosine,
            ])  # fmt: skip
    header = [
        "set",
        "head",
        "rate",
        "seeds",
        "mean angle",
        "smallest angle",
        "overlap",
        "chance",
        "100 · centroid cosine",
    ]
    return f"""## Are the learned spaces disjoint?

The table is for heads after 15 epochs. It shows the principal angles between the operators of two spaces in degrees
(90: orthogonal, 0: a shared direction), means over pairs; the overlap, which is the mean squared cosine of the angles;
under *chance*, the overlap of two random spaces of this size; and the cosine between the mean centroids of two spaces
on the dev part.

{table(header, rows)}
"""


def ablations(cells: Cells) -> str:
    own = of_set(cells, "sma")
    base = values(own, "space 3", 15, "test", "macro_f1")
    rows = [
        [v, told["parameters"], *(spread(values(own, v, 15, t, m)) for t in ("dev", "test") for m in MEASURES),
         gap_text(paired(values(own, v, 15, "test", "macro_f1"), base)), majority(own, "test")]
        for v, told in own[0]["variants"].items()
    ]  # fmt: skip
    header = [
        "changed",
        "parameters",
        "dev acc",
        "dev F1",
        "test acc",
        "test F1",
        "test F1 less base",
        "majority acc / F1",
    ]
    return f"""## Ablations

Social Media Attributions, {len(own)} seeds; one setting is changed at a time from the head of two spaces of 3, trained
with cross-entropy for 15 epochs in batches of 32 at a rate of {own[0]["variants"]["space 3"]["learning_rate"]:g}.

{table(header, rows)}
"""


def padding(cells: Cells) -> str:
    cell = cells["sma"]
    rows = [
        [family(v), f"{told['learning_rate']:g}",
         *(spread(values(cell[kind], v, 15, "test", m)) for kind in KINDS for m in MEASURES),
         gap_text(paired(*(values(cell[kind], v, 15, "test", "macro_f1") for kind in reversed(KINDS))))]
        for v, told in cell[KINDS[0]][0]["variants"].items()
    ]  # fmt: skip
    header = ["head", "rate", "masked acc", "F1", "with padding acc", "F1", "F1, with less without"]
    return f"""## Padding in the mean

The official head averages over padding too. Social Media Attributions, every text cut or padded to {cell["width"]}
tokens, {len(cell[KINDS[0]])} seeds, 15 epochs; majority {majority([cell], "test")}.

{table(header, rows)}
"""


KINDS = ("masked", "padding in the mean")


def unfrozen(cells: Cells, told: Mapping[str, Any]) -> str:
    cell = cells["sma.0"]
    rows = [
        [head, *(f"{100 * scores[t][m]:.1f}" for t in ("dev", "test") for m in MEASURES), majority([cell], "test")]
        for head, scores in cell["scores"].items()
    ]
    return f"""## Encoder trained too

Social Media Attributions, {cell["epochs"]} epoch in batches of 32, one seed: an indication only.

{table(["head", "dev acc", "dev F1", "test acc", "test F1", "majority acc / F1"], rows)}

{published(told["sma"], [cell], "test")}
"""


HEAD = """# The Space Model on the frozen default encoder

Generated by `python -m papers.space_model.reproduce` from the files in `results/`. Published:
{paper} ({code}).

As published: last layer, no standardisation, no dropout on spaces, Adam with weight decay .01 in the gradient, a
constant rate (.0002), the notebooks' batch sizes, and the last epoch's head. The losses have weights .2 and .001, in
the form of the published tables.

Different from the paper: all-MiniLM-L6-v2 (384 dimensions) instead of BERT, DistilBERT and XLNet; texts cut at
{max_length} tokens, not 256; padding excluded from the mean; learning rates of .002 and .02 as well. IMDB has 2,000
training texts, drawn again for every seed (so 8 steps per epoch where the paper has 98), and 1,000 test texts.

`linear` is one linear layer, `hidden` is DistilBERT's head; both read the first token's state, as the official ones
do, and also the mean. `space m` has one space of m latents per class. Majority: always predicting the most frequent
class of the training texts. Nothing is chosen on test. Figures of other encoders are not comparable; the order of the
heads is.
Run on {cpu}, {versions}.
"""


def markdown(folder: Path) -> str:
    """Return the page of all results that are there."""
    told = json.loads((folder.parent / "published.json").read_text())
    found = {place.stem: json.loads(place.read_text()) for place in sorted(folder.glob("*.json"))}
    cells = {name: each["cells"] for name, each in found.items()}
    first = next(iter(next(iter(cells.values())).values()))["circumstances"]
    versions = ", ".join(f"{name} {first['versions'][name]}" for name in ("python", "torch", "spacetune"))
    about = next(iter(found.values()))["about"]
    sections = [HEAD.format(**told, cpu=first["cpu"], versions=versions, **about)]
    main = cells.get("comparison", {}) | cells.get("imdb", {})
    large = cells.get("large", {})
    sections += [comparison(name, main, large, told) for name in ("sma", "hatexplain", "imdb") if of_set(main, name)]
    if of_set(main, "imdb"):
        sections.append(transfer(main, told))
    if main:
        sections.append(disjoint(main))
    drawn: dict[str, Any] = {
        "ablations": ablations,
        "padding": padding,
        "generalisation": generalisation,
        "data_size": data_size,
    }
    sections += [draw(cells[name]) for name, draw in drawn.items() if name in cells]
    if "unfrozen" in cells:
        sections.append(unfrozen(cells["unfrozen"], told))
    return "\n".join(sections)
