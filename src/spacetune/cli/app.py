"""The commands. Each reads its arguments, calls one function of the library, and shows the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from spacetune.cli.doors import (
    AsJson,
    Delimiter,
    Encoding,
    LabelColumn,
    PairColumn,
    Separator,
    Split,
    TextColumn,
    free_place,
    guarded,
    people,
    quiet_libraries,
    read,
    show,
    write_place,
)
from spacetune.errors import UsageError

app = typer.Typer(
    name="spacetune",
    help="Small, explained text classifiers in the latent space of a frozen Transformer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Small, explained text classifiers in the latent space of a frozen Transformer."""
    if version:
        import spacetune

        print(spacetune.__version__)  # noqa: T201
        raise typer.Exit


@app.command()
@guarded
def fit(
    train: Annotated[str, typer.Argument(help="Labelled texts: CSV, TSV, JSONL (also .gz), Parquet, datasets folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")],
    dev: Annotated[str | None, typer.Option(help="Labelled texts to choose by; else a part is set aside.")] = None,
    test: Annotated[str | None, typer.Option(help="Labelled texts to score on, never chosen by.")] = None,
    method: Annotated[Literal["space", "probe"], typer.Option(help="Space Model, or linear probe.")] = "space",
    task: Annotated[
        Literal["auto", "classification", "regression"], typer.Option(help="What the labels are.")
    ] = "auto",
    encoder: Annotated[str | None, typer.Option(help="Folder or hub name; else the default encoder.")] = None,
    layers: Annotated[str, typer.Option(help="A number, several as 2,4,6, 'all' or 'auto'.")] = "auto",
    n_latent: Annotated[int | None, typer.Option(help="Width of a concept space.")] = None,
    inter_weight: Annotated[float | None, typer.Option(help="Weight of the inter-space loss.")] = None,
    intra_weight: Annotated[float | None, typer.Option(help="Weight of the intra-space loss.")] = None,
    class_weight: Annotated[str | None, typer.Option(help="'balanced' weighs rare classes up.")] = None,
    n_epochs: Annotated[int | None, typer.Option(help="Passes over the texts at most.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens above which a text is cut.")] = None,
    dev_fraction: Annotated[float, typer.Option(help="Share set aside where there is no --dev.")] = 0.1,
    train_encoder: Annotated[bool, typer.Option("--train-encoder", help="Train the encoder too (slow).")] = False,
    seed: Annotated[int, typer.Option(help="Of the split and the fit.")] = 0,
    baselines: Annotated[bool, typer.Option(help="Fit the baselines beside it.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an interrupted fit.")] = False,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    text_pair: PairColumn = None,
    label_separator: Separator = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Fit a classifier (or regressor) on labelled texts and save it, with its scores beside the baselines'."""
    columns = {
        "text": text, "label": label, "text_pair": text_pair, "label_separator": label_separator,
        "delimiter": delimiter, "encoding": encoding, "split": split, "labelled": True,
    }  # fmt: skip
    out = free_place(out)
    from spacetune.studies.fitting import fit_model

    data = {name: read(path, **columns) for name, path in (("train", train), ("dev", dev), ("test", test)) if path}
    settings = {
        "encoder": encoder, "layers": parse_layers(layers), "n_latent": n_latent, "inter_weight": inter_weight,
        "intra_weight": intra_weight, "class_weight": class_weight, "n_epochs": n_epochs, "max_length": max_length,
        "train_encoder": train_encoder or None,
    }  # fmt: skip
    checkpoint = out.with_name(f".{out.name}.checkpoint.safetensors")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    try:
        _, report = fit_model(
            data["train"],
            dev=data.get("dev"),
            test=data.get("test"),
            method=method,
            task=task,
            baselines=baselines,
            settings={k: v for k, v in settings.items() if v is not None},
            dev_fraction=dev_fraction,
            seed=seed,
            fit_options={"checkpoint": checkpoint},
            save_to=out,
        )
    except KeyboardInterrupt:
        say_what_is_kept(out, checkpoint)
        raise
    checkpoint.unlink(missing_ok=True)
    from spacetune.reports.terminal import draw_fit

    show(report, as_json, draw_fit)
    people(as_json).print(f"saved to {out}", highlight=False)


@app.command()
@guarded
def score(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    data: Annotated[str, typer.Argument(help="Labelled texts.")],
    text: TextColumn = "text",
    label: LabelColumn = "label",
    text_pair: PairColumn = None,
    label_separator: Separator = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Score a saved model on labelled texts, beside the majority baseline."""
    texts = read(
        data, text=text, label=label, text_pair=text_pair, label_separator=label_separator,
        delimiter=delimiter, encoding=encoding, split=split, labelled=True,
    )  # fmt: skip
    from spacetune.estimators import load_estimator
    from spacetune.reports.terminal import draw_scores
    from spacetune.studies import score_model

    show(score_model(load_estimator(model), texts), as_json, draw_scores)


@app.command()
@guarded
def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    texts: Annotated[list[str], typer.Argument(help="A text, several, or one file of texts.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV file for the predictions.")] = None,
    text: TextColumn = "text",
    text_pair: PairColumn = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Predict texts given here, or all texts of a file."""
    out = write_place(out)
    from spacetune.reports.tables import write_csv
    from spacetune.reports.terminal import draw_predictions

    quiet_libraries()
    from spacetune.estimators import load_estimator
    from spacetune.studies import predict_texts

    given = texts_or_file(texts, text=text, text_pair=text_pair, delimiter=delimiter, encoding=encoding, split=split)
    result = predict_texts(load_estimator(model), given)
    if out is not None:
        write_csv(out, result.rows())
        people(True).print(f"{len(result.texts):,} predictions written to {out}", highlight=False)
    if out is None or as_json:
        show(result, as_json, draw_predictions)


@app.command()
@guarded
def explain(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    texts: Annotated[list[str], typer.Argument(help="A text, several, or one file of texts.")],
    for_class: Annotated[str | None, typer.Option("--class", help="Class to explain; else the predicted one.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for the explanation: .json or .csv.")] = None,
    text: TextColumn = "text",
    text_pair: PairColumn = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Show what every word gave to a prediction; the scores add up to the logit."""
    out = write_place(out, ".json", ".csv")
    from spacetune.reports.tables import write_csv, write_text
    from spacetune.reports.terminal import draw_explanation

    quiet_libraries()
    from spacetune.estimators import load_estimator

    given = texts_or_file(texts, text=text, text_pair=text_pair, delimiter=delimiter, encoding=encoding, split=split)
    fitted: Any = load_estimator(model)
    explanation = fitted.explain(given)
    name = None if for_class is None else named_class(for_class, explanation[0].classes)
    if out is not None and out.suffix == ".csv":
        write_csv(out, explanation.rows())
    elif out is not None:
        write_text(out, explanation.to_json(indent=2))
    show(explanation, as_json, lambda console, result: draw_explanation(console, result, name))


@app.command()
@guarded
def check(
    data: Annotated[str, typer.Argument(help="Texts, labelled or not.")],
    encoder: Annotated[str | None, typer.Option(help="Whose length limit to check against.")] = None,
    lengths: Annotated[bool, typer.Option(help="Count tokens against the encoder's limit.")] = True,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    text_pair: PairColumn = None,
    label_separator: Separator = None,
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a data set: duplicates, conflicting labels, empty texts, tiny classes, long texts."""
    texts = read(
        data, text=text, label=label, text_pair=text_pair, label_separator=label_separator,
        delimiter=delimiter, encoding=encoding, split=split,
    )  # fmt: skip
    from spacetune.data import check_texts
    from spacetune.reports.terminal import draw_data_report

    if not lengths:
        show(check_texts(texts), as_json, draw_data_report)
        return
    from spacetune import Encoder

    limit = Encoder.from_pretrained(encoder)
    show(check_texts(texts, limit.count_tokens, limit.max_length), as_json, draw_data_report)


@app.command()
@guarded
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")] = Path("demo-model"),
    seed: Annotated[int, typer.Option(help="Of the fit.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the whole story on embedded data: fit, compare with the baselines, explain, save."""
    out = free_place(out)
    from spacetune.cli.demo import run_demo

    run_demo(out, seed, as_json)


@app.command()
@guarded
def doctor(as_json: AsJson = False) -> None:
    """Show versions, devices, the default encoder, and what is missing."""
    quiet_libraries()
    from spacetune.reports.terminal import draw_diagnosis
    from spacetune.studies import diagnose

    found = diagnose()
    show(found, as_json, draw_diagnosis)
    if found.problems:
        raise typer.Exit(1)


@app.command()
@guarded
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all cached features.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the cache of token features holds, or clear it."""
    quiet_libraries()
    from spacetune.encoders import default_store
    from spacetune.reports.terminal import draw_store

    store = default_store()
    if store is None:
        raise UsageError("there is no cache: SPACETUNE_CACHE is set to 'off'")
    if clear:
        freed = store.clear()
        people(as_json).print(f"{freed / 1e6:,.1f} MB freed", highlight=False)
    show(store.summary(), as_json, draw_store)


def say_what_is_kept(out: Path, checkpoint: Path) -> None:
    """After Ctrl-C: a model newer than the last epoch is whole, else the last epoch can be gone on from."""
    model = out / "config.json"
    if not checkpoint.exists():
        return
    if model.is_file() and model.stat().st_mtime >= checkpoint.stat().st_mtime:
        checkpoint.unlink()
        kept = f"the model was fitted and saved to {out}; only its scores beside the baselines are missing"
    else:
        kept = "the last whole epoch is kept; go on from it with --resume"
    people(True).print(kept, highlight=False, soft_wrap=True)


def parse_layers(given: str) -> Any:
    """Read a layer choice: ``all``, ``auto``, a number, or numbers with commas.

    >>> parse_layers("2,4,-1"), parse_layers("3"), parse_layers("all")
    ([2, 4, -1], 3, 'all')
    """
    if given in ("all", "auto"):
        return given
    try:
        numbers = [int(part) for part in given.split(",")]
    except ValueError:
        raise UsageError(f"--layers must be a number, numbers as 2,4,6, 'all' or 'auto', got {given!r}") from None
    return numbers[0] if len(numbers) == 1 else numbers


def named_class(name: str, classes: tuple[Any, ...]) -> Any:
    """Find a class by the name typed on the command line."""
    from spacetune.errors import did_you_mean

    names = {str(c): c for c in classes}
    if name not in names:
        near = did_you_mean(name, names)
        raise UsageError(
            f"--class {name!r} is none of {', '.join(names)}" + (f"; did you mean {near}?" if near else "")
        )
    return names[name]


FILE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".gz")


def texts_or_file(given: list[str], **columns: Any) -> Any:
    """Take texts as they are, or one file of texts; a missing file is an error, not a text."""
    if len(given) == 1 and (given[0].lower().endswith(FILE_ENDINGS) or _is_folder(given[0])):
        data = read(given[0], labelled=False, **columns)
        for note in data.notes:
            people(True).print(f"! {note}", highlight=False, markup=False)
        return data.inputs
    return [text.encode("utf-8", "replace").decode("utf-8") for text in given]


def _is_folder(given: str) -> bool:
    return 0 < len(given) < 200 and "\n" not in given and Path(given).is_dir()
