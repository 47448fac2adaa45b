"""The command ``fit``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from spacetune.cli.guarded import NAMED, TERMINATED, AsJson, guarded, heeding_sigterm, show, tell, write_place
from spacetune.cli.loading import EncoderName
from spacetune.cli.reading import COLUMNS, LABEL, Columns, LabelColumn, Separator, Task, parse_layers, read, reads
from spacetune.errors import UsageError
from spacetune.model_folder import free_place, is_model

__all__ = ["fit"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is learnt, and how, in the estimators' own words: fields that `reads` makes options of."""

    encoder: EncoderName = None
    layers: Annotated[str, typer.Option(help="Layers to read: a number, several as 2,4,6, 'all' or 'auto'.")] = "auto"
    n_latent: Annotated[int | None, typer.Option(help="Width of each concept space.")] = None
    n_vertices: Annotated[int | None, typer.Option(help="Corners of the simplex of prefixes or of heads.")] = None
    prefix_length: Annotated[int | None, typer.Option(help="Number of virtual tokens of a prefix.")] = None
    pairs: Annotated[
        Literal["auto", "apart", "together"] | None,
        typer.Option(
            help="How pairs are read: the two texts apart, or together as one text. By default apart; together for a "
            "simplex, and for spaces with something learnt inside the encoder."
        ),
    ] = None
    inside: Annotated[
        Literal["top", "all", "lora", "prefix"] | None,
        typer.Option(
            help="What is also learnt inside the encoder: its upper layers (top), all layers (slower, most exact), or "
            "adapters (lora, prefix)."
        ),
    ] = None
    inside_size: Annotated[
        int | None, typer.Option(help="Size of --inside: layers of top, rank of lora, virtual tokens of prefix.")
    ] = None
    inter_weight: Annotated[
        float | None, typer.Option(help="Weight of the inter-space loss (own space to +1, others to -1).")
    ] = None
    intra_weight: Annotated[
        float | None, typer.Option(help="Weight of the intra-space loss (tokens should differ within a space).")
    ] = None
    linear_path: Annotated[
        bool | None,
        typer.Option(help="A probe beside the spaces, weighed by the loss on dev; by default for wide states."),
    ] = None
    lexicon: Annotated[
        bool | None, typer.Option(help="Scores of words beside the states; by default where they help on dev.")
    ] = None
    class_weight: Annotated[str | None, typer.Option(help="'balanced' gives rare classes more weight.")] = None
    n_epochs: Annotated[int | None, typer.Option(help="Maximum number of passes over the texts.")] = None
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read in one pass; given without --max-windows, a text is cut there.")
    ] = None
    max_windows: Annotated[
        int | None, typer.Option(help="Maximum number of such passes per text; the rest is cut.")
    ] = None

    def given(self) -> dict[str, Any]:
        """Return those that were named; the rest are the method's own."""
        named = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return named | {"layers": parse_layers(self.layers, auto=True)}


@guarded
@reads
def fit(
    train: Annotated[str, typer.Argument(help="Labelled texts: CSV, TSV, JSONL (also .gz), Parquet, datasets folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")],
    dev: Annotated[
        str | None, typer.Option(help="Labelled texts to choose by; by default a part of the training texts.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Labelled texts to score on; nothing is chosen by them.")] = None,
    method: Annotated[
        Literal["space", "probe", "tuned", "space-simplex", "prefix-simplex", "lora-simplex", "auto"] | None,
        typer.Option(
            help="Space Model, linear probe, probe with the encoder's upper layers tuned too (minutes), simplex of "
            "Space Models or, for few texts, of prefixes or low-rank adapters in the encoder, or the best (auto). By "
            "default space, and probe for pairs."
        ),
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds that --method auto may take to choose.")] = 60.0,
    task: Task = "auto",
    settings: Settings = Settings(),
    dev_fraction: Annotated[float, typer.Option(help="Share set aside as dev where there is no --dev.")] = 0.1,
    refit: Annotated[
        bool | None, typer.Option(help="In the end learn from the dev texts too; by default below 2,000 texts.")
    ] = None,
    train_encoder: Annotated[bool, typer.Option("--train-encoder", help="Train the encoder too (slow).")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the split and the fit.")] = 0,
    report_to: Annotated[Path | None, typer.Option("--report", help=f"File for the report: {NAMED}.")] = None,
    baselines: Annotated[bool, typer.Option(help="Fit the baselines too, to compare with.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted fit.")] = False,
    label: LabelColumn = LABEL,
    label_separator: Separator = None,
    weight: Annotated[
        str | None, typer.Option(help="Column of the training file with each text's weight; 0 leaves a text out.")
    ] = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Fit a classifier (or regressor) on labelled texts and save it, with its scores beside the baselines'."""
    out = free_place(out)
    replaced = " in place of the model that was there" if is_model(out) else ""
    report_to = write_place(report_to, inputs=(train, dev, test), option="--report")
    if report_to is not None and out in report_to.resolve().parents:
        raise UsageError(f"--report must lie outside of {out}, where the model is saved; choose another place")
    from spacetune.studies.fit.fitting import fit_model

    how: dict[str, Any] = {"labelled": True, "label": label, "label_separator": label_separator, "task": task}
    data = {
        name: read(path, columns, **how, weight=weight if name == "train" else None)
        for name, path in (("train", train), ("dev", dev), ("test", test))
        if path is not None
    }
    with heeding_sigterm() as ended:
        _, report = fit_model(
            data["train"],
            dev=data.get("dev"),
            test=data.get("test"),
            method=method,
            budget=budget,
            task=task,
            baselines=baselines,
            settings=settings.given() | ({"train_encoder": True} if train_encoder else {}),
            dev_fraction=dev_fraction,
            refit=refit,
            seed=seed,
            save_to=out,
            resume=resume,
        )
    show(report, as_json, report_to)
    seen = "pairs.csv" if data["train"].pairs is not None else '"a text"'
    why, unseen = f"see why: spacetune explain {out} {seen}", f"score it on new texts: spacetune score {out} test.csv"
    tell(f"saved to {out}{replaced}; next, {why if test else unseen}", to_stderr=as_json)
    if ended:
        raise typer.Exit(TERMINATED)
