"""The whole story in under two minutes, on embedded data and the embedded encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spacetune.cli.guarded import AsJson, guarded, people, quiet_libraries, say, show
from spacetune.model_folder import free_place

__all__ = ["demo"]

EXPLAINED = (
    "Paid on Monday, courier says delivered, my doorstep says otherwise.",
    "The zip came off in my hand the first time I put the jacket on.",
    "Do these boots run small? I am between sizes.",
)


PAIRS = (
    ("Where is my parcel?", "I ordered a week ago and nothing has arrived yet."),
    ("Can I change the delivery address?", "Can I change my email address?"),
)


@guarded
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")] = Path("demo-model"),
    pairs: Annotated[bool, typer.Option("--pairs", help="Use pairs of questions: do both ask the same?")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the fit.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run a whole example on bundled data: fit, compare with the baselines, explain, save."""
    out = free_place(out)
    run_demo(out, seed, as_json, pairs=pairs)


def run_demo(out: Path, seed: int, as_json: bool, *, pairs: bool = False) -> None:
    """Fit on the demo texts, print the scores beside the baselines, explain a few texts, save the model."""
    quiet_libraries()
    from spacetune.reports.terminal import draw_explanation, headed
    from spacetune.studies import demo_pairs, demo_texts, fit_model

    console, read = people(as_json), demo_pairs if pairs else demo_texts
    train, dev, test = (read(split) for split in ("train", "dev", "test"))
    what = (
        "pairs of questions, the same or different"
        if pairs
        else f"support messages in {len(set(train.labels or ()))} intents"
    )
    console.print(headed("1. Fit", f" on {len(train)} {what} (written for this demo)"))
    model, report = fit_model(train, dev=dev, test=test, seed=seed)
    show(report, as_json)
    told = ": words for the class in green, against it in red; scores add up to the logit"
    console.print(headed("\n2. Explain", told))
    draw_explanation(console, model.explain(list(PAIRS if pairs else EXPLAINED)))
    model.save_pretrained(out)
    console.print(headed("\n3. Saved", f" to {out}. Go on with:"))
    if pairs:
        say(
            f"   spacetune predict {out} your-pairs.csv --out answers.csv   # columns: text, text_pair",
            to_stderr=as_json,
        )
    for command in () if pairs else ("predict", "explain"):
        say(f'   spacetune {command} {out} "my parcel went to the old flat"', to_stderr=as_json)
    say(f"   spacetune fit your-{'pairs' if pairs else 'texts'}.csv --out your-model", to_stderr=as_json)
