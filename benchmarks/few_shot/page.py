"""`docs/few-shot.md`, drawn from the result. No number is typed by hand."""

from __future__ import annotations

from typing import Any

from benchmarks.common import HERE
from benchmarks.tables import machine, table

PAGE = HERE.parent / "docs" / "few-shot.md"
Result = dict[str, Any]

INTRODUCTION = """# Few texts

Drawn by `python -m benchmarks.few_shot table.json` from its cells, which stand in
`benchmarks/results/few_shot_table.json` with their settings, seeds and scores. A run goes on where it stopped.

Every draw takes K texts out of the training part by a seed; three quarters are learnt from, a quarter chooses the
epoch or the strength. A method that is called refitted then learns once more from all K texts, with what was chosen,
as `spacetune fit` does below 2,000 texts. Test texts are {n_test} of GLUE's published dev (sst2, cola), of the
published test, or a part set aside (subj); they are scored once. Default encoder in float32, texts of at most
{max_length} tokens, all layers for every method on the frozen encoder. Settings are the same for all sets and K; those
of the prefix methods were looked at on training texts of other draws, those of `lora` and `fine-tuning` are customary
ones and were not. SetFit runs its default recipe, chooses nothing and learns from all K texts.

Accuracies are means over the draws that all methods of a table have run. {done} of {wanted} planned cells have run, so
some tables rest on few draws, and sets differ between tables. The machine did other work meanwhile: CPU seconds are
somewhat high, and the load is that of the moment of drawing. {machine}
"""


def draw_page(result: Result) -> None:
    """Write the page."""
    config = result["config"]
    facts = {"n_test": config["n_test"], "max_length": config["max_length"], "machine": machine(result)}
    parts = [INTRODUCTION.format(**facts, done=result["done"], wanted=result["wanted"]).strip()]
    for group, sizes in result["groups"].items():
        if sizes:
            parts += [f"## Accuracy and mean rank: {group}", *(accuracies(K, each) for K, each in sizes.items())]
    parts += ["## Paired differences", PAIRED, pairs(result["paired_accuracy"])]
    parts += ["## CPU seconds of a fit", seconds(result["mean_cpu_seconds"])]
    PAGE.write_text("\n\n".join(parts) + "\n")
    print(f"wrote {PAGE.relative_to(HERE.parent)}", flush=True)


PAIRED = """Accuracy of the first less that of the second, over the draws both have run, in points. The interval is a t
interval over draws; draws of one set share their test texts, so it is somewhat too narrow."""


def accuracies(K: str, each: Result) -> str:
    """Return one table: a row a method, a column a set."""
    sets, rank = each["accuracy"], each["mean_rank"]
    methods = [m for m in rank if m != "n_draws"]
    head = [f"K = {K}", *(f"{data} ({row['n_draws']})" for data, row in sets.items()), "mean rank"]
    rows = [[m, *(row[m] for row in sets.values()), f"{rank[m]:.2f}"] for m in sorted(methods, key=lambda m: rank[m])]
    return table(head, rows)


def pairs(by_size: Result) -> str:
    """Return the paired differences, all K together first."""
    rows = [
        [
            row["first"], row["second"], K, row["n_draws"], f"{100 * row['difference']:+.1f}",
            "-" if row["interval_95"] is None else "{:+.1f} to {:+.1f}".format(*(100 * x for x in row["interval_95"])),
            f"{row['won']} / {row['tied']} / {row['lost']}",
        ]
        for K in ("all", *(K for K in by_size if K != "all")) for row in by_size[K]
    ]  # fmt: skip
    return table(["first", "second", "K", "draws", "difference", "95 %", "won / tied / lost"], rows)


def seconds(by_size: Result) -> str:
    """Return mean CPU seconds of a fit, a column a K."""
    methods = list(dict.fromkeys(m for row in by_size.values() for m in row))
    return table(
        ["method", *(f"K = {K}" for K in by_size)],
        [[m, *(f"{row[m]:.1f}" if m in row else "-" for row in by_size.values())] for m in methods],
    )
