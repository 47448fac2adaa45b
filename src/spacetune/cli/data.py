"""The commands for the data around a classifier: ``check``, ``drift``, ``suggest``, ``thresholds``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, show, write_place
from spacetune.cli.loading import ModelEncoder, load
from spacetune.cli.reading import COLUMNS, LABEL, Columns, LabelColumn, Separator, Task, read, read_unlabelled, reads
from spacetune.errors import UsageError

if TYPE_CHECKING:
    from spacetune.data import DataReport, LabelledTexts

__all__ = ["check", "drift", "suggest", "thresholds"]

Model = Annotated[str, typer.Argument(help="Folder of a saved model.")]


@guarded
@reads
def check(
    data: Annotated[str, typer.Argument(help="Texts, labelled or not.")],
    labels: Annotated[bool, typer.Option("--labels", help="Find labels that are likely wrong instead.")] = False,
    against: Annotated[str | None, typer.Option(help="Find near duplicates in this file instead.")] = None,
    similarity: Annotated[
        float | None,
        typer.Option(help="With --against: the cosine similarity from which texts are near; by default 0.95."),
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder whose length limit, or states, to use.")] = None,
    lengths: Annotated[
        bool, typer.Option(help="Look for texts over the encoder's length limit, and for what it has no token for.")
    ] = True,
    label: LabelColumn = LABEL,
    label_separator: Separator = None,
    task: Task = "auto",
    columns: Columns = COLUMNS,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a data set: duplicates, conflicting labels, empty texts, tiny classes, long texts."""
    out = write_place(out, inputs=(data, against))
    if labels and against is not None:
        raise UsageError("--labels looks at one file's labels and --against at two files' texts: choose one")
    if similarity is not None and against is None:
        raise UsageError("--similarity says when texts of two files are near: name the other file with --against")
    texts = read(data, columns, labelled=labels or None, label=label, label_separator=label_separator, task=task)
    if task != "auto" and texts.labels is not None:
        from spacetune.studies.fit.matching import learnable

        texts = learnable(texts, task)
    if labels:
        from spacetune.studies import find_label_errors

        show(find_label_errors(texts, encoder), as_json, out)
    elif against is not None:
        other = read(against, columns, label=label, label_separator=label_separator, task=task)
        from spacetune.studies import find_near_duplicates

        how = {} if similarity is None else {"threshold": similarity}
        found = find_near_duplicates(texts, other, encoder, **how)
        show(found, as_json, out)
    else:
        show(_checked(texts, encoder, lengths), as_json, out)


def _checked(texts: LabelledTexts, encoder: str | None, lengths: bool) -> DataReport:
    from spacetune.data import check_texts

    if not lengths:
        return check_texts(texts)
    from spacetune import Encoder

    read_by = Encoder.from_pretrained(encoder)
    limit = read_by.provenance(()).cut_at(texts.inputs)
    return check_texts(texts, read_by.count_tokens, limit, read_by.unknown)


@guarded
@reads
def suggest(
    model: Model,
    data: Annotated[str, typer.Argument(help="Texts without labels; labels that are there are ignored.")],
    n_texts: Annotated[int, typer.Option("--n-texts", "-n", help="How many texts to suggest.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """Suggest which texts to label next: those the model is unsure of, and unlike each other."""
    out = write_place(out, inputs=(model, data))
    texts = read_unlabelled(data, columns)
    from spacetune.studies import suggest_texts

    show(suggest_texts(load(model, encoder), texts, n_texts, seed=seed), as_json, out)


@guarded
@reads
def drift(
    model: Model,
    data: Annotated[str, typer.Argument(help="New texts.")],
    reference: Annotated[str, typer.Option(help="Texts to compare them with: best those that training set aside.")],
    words: Annotated[int, typer.Option(help="Maximum number of words to name.", min=0)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the folds, and of a sample of many texts.")] = 0,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """Say how new texts differ from reference texts: in predicted classes, in logits, in words."""
    out = write_place(out, inputs=(model, data, reference))
    new, before = (read_unlabelled(file, columns) for file in (data, reference))
    from spacetune.studies import measure_drift

    found = measure_drift(load(model, encoder), new, before, n_words=words, seed=seed)
    show(found, as_json, out)


@guarded
@reads
def thresholds(
    model: Model,
    data: Annotated[str, typer.Argument(help="Labelled texts that it was not fitted on.")],
    precision: Annotated[float | None, typer.Option(help="Share of the kept answers that must be right.")] = None,
    cost: Annotated[float | None, typer.Option(help="Cost of no answer, where a wrong one costs 1.")] = None,
    keep: Annotated[float | None, typer.Option(help="Share of these texts that must keep their answer.")] = None,
    by_class: Annotated[bool, typer.Option("--by-class", help="A threshold for every predicted class.")] = False,
    label: LabelColumn = LABEL,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """Choose when a model is unsure, on held-out texts; ``predict --abstain`` takes what ``--out x.json`` writes."""
    out = write_place(out, inputs=(model, data))
    texts = read(data, columns, labelled=True, label=label)
    from spacetune.studies import choose_thresholds

    wanted = {"precision": precision, "cost": cost, "keep": keep}
    found = choose_thresholds(load(model, encoder), texts, **wanted, by_class=by_class)
    show(found, as_json, out)
