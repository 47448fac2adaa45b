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


@guarded
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")] = Path("demo-model"),
    seed: Annotated[int, typer.Option(help="Of the fit.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the whole story on embedded data: fit, compare with the baselines, explain, save."""
    out = free_place(out)
    run_demo(out, seed, as_json)


def run_demo(out: Path, seed: int, as_json: bool) -> None:
    """Fit on the demo texts, print the scores beside the baselines, explain three texts, save the model."""
    quiet_libraries()
    from spacetune.reports.terminal import draw_explanation, draw_fit, headed
    from spacetune.studies import demo_texts, fit_model

    console = people(as_json)
    console.print(headed("1. Fit", " on 560 support messages in 8 intents (written for this demo)"))
    model, report = fit_model(demo_texts("train"), dev=demo_texts("dev"), test=demo_texts("test"), seed=seed)
    show(report, as_json, draw_fit)
    told = ": words for the class in green, against it in red; scores add up to the logit"
    console.print(headed("\n2. Explain", told))
    draw_explanation(console, model.explain(list(EXPLAINED)))
    model.save_pretrained(out)
    console.print(headed("\n3. Saved", f" to {out}. Go on with:"))
    for command in ("predict", "explain"):
        say(f'   spacetune {command} {out} "my parcel went to the old flat"', to_stderr=as_json)
    say("   spacetune fit your-texts.csv --out your-model", to_stderr=as_json)
