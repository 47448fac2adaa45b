"""The command ``explain``: why a prediction came out so, whether that holds, and what it comes to over many texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, heeding_sigterm, quiet_libraries, show, write_place
from spacetune.cli.loading import ModelEncoder, load
from spacetune.cli.reading import COLUMNS, TEXTS, Columns, LabelColumn, Separator, named_file, reads, texts_or_table
from spacetune.cli.streaming import Resume, blocks_of, is_stream, say_written, stream_place
from spacetune.errors import UsageError

if TYPE_CHECKING:
    from spacetune.data import TextBlocks
    from spacetune.encoders import TextInput
    from spacetune.explanations import At

__all__ = ["explain"]

CHECK = "Hold the scores to the model: erase the strongest words, read again, compare with random words."
REACH = "Show which word, as it goes in, reached the state of which, for one text."
COUNTER = "Find the fewest words whose removal changes the prediction of one text."
TOP = "Words that --check erases, rows of a kind that --summary shows; else 5."
TAKEN = {
    "": ("--class", "--against", "--at"),
    "--check": ("--at", "--top", "--seed"),
    "--counterfactual": ("--at",),
    "--reach": ("--class",),
    "--summary": ("--at", "--top"),
}
"""The options that each question has a use for."""
SUMMARY = "Sum up which words carry each class over all texts, beside their labels where the file has them."


@guarded
@reads
def explain(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    for_class: Annotated[str | None, typer.Option("--class", help="Class to explain; else the predicted one.")] = None,
    against: Annotated[str | None, typer.Option(help="Another class, or 'rest': explain the class against it.")] = None,
    at: Annotated[str | None, typer.Option(help="Where words are looked at: 'input', 'states', or 'both'.")] = None,
    check: Annotated[bool, typer.Option("--check", help=CHECK)] = False,
    counterfactual: Annotated[bool, typer.Option("--counterfactual", help=COUNTER)] = False,
    reach: Annotated[bool, typer.Option("--reach", help=REACH)] = False,
    summary: Annotated[bool, typer.Option("--summary", help=SUMMARY)] = False,
    top: Annotated[int | None, typer.Option(help=TOP, min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Of the texts and words that --check draws; else 0.")] = None,
    label: LabelColumn = "label",
    label_separator: Separator = None,
    out: Report = None,
    resume: Resume = False,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Show what every word gave to a prediction; the scores add up to the logit."""
    _refuse_what_does_not_go_together(
        {"--check": check, "--counterfactual": counterfactual, "--reach": reach, "--summary": summary},
        {"--class": for_class, "--against": against, "--at": at, "--top": top, "--seed": seed},
    )
    place = cast("At | None", at)
    if any((check, counterfactual, reach, summary, for_class, against)):
        if resume:
            raise UsageError("--resume is of explanations alone: a question has no parts to go on from")
        out = write_place(out, inputs=(model, *texts))
    else:
        out = stream_place(out, inputs=(model, *texts), resume=resume)
        if out is not None and is_stream(out, as_json) and (named_file(texts) or not out.suffix):
            _write_block_by_block(model, encoder, blocks_of(texts, columns), out, place, resume, as_json)
            return
    from spacetune.explanations import REST
    from spacetune.reports import explained as drawn
    from spacetune.reports.terminal import draw_explanation

    quiet_libraries()
    from spacetune.studies import check_explanations, find_counterfactual, summarise, word_reach

    data = texts_or_table(texts, columns, label=label if summary else None, label_separator=label_separator)
    given: Sequence[TextInput] = data.inputs
    fitted = load(model, encoder)
    if check:
        found = check_explanations(fitted, given, top=top or 5, seed=seed or 0, at=place)
        show(found, as_json, drawn.draw_faithfulness, out)
    elif (counterfactual or reach) and len(given) != 1:
        raise UsageError(f"{'--counterfactual' if counterfactual else '--reach'} is of one text, got {len(given)}")
    elif counterfactual:
        show(find_counterfactual(fitted, given[0], at=place), as_json, drawn.draw_counterfactual, out)
    elif reach:
        name = None if for_class is None else named_class(for_class, tuple(fitted.task_.classes))
        show(word_reach(fitted, given[0], name), as_json, drawn.draw_reach, out)
    elif summary:
        explanation = fitted.explain(given, at=place)
        labels = data.labelled_as(explanation[0].classes).labels
        show(summarise(explanation, labels, top=top or 5), as_json, drawn.draw_summary, out)
    else:
        explanation = fitted.explain(given, at=place)
        classes = explanation[0].classes
        name = None if for_class is None else named_class(for_class, classes)
        rest = against == "rest" and "rest" not in map(str, classes)
        other = REST if rest else None if against is None else named_class(against, classes, "--against")
        show(explanation, as_json, lambda console, result: draw_explanation(console, result, name, other), out)


def _write_block_by_block(
    model: str, encoder: str | None, blocks: TextBlocks, out: Path, at: At | None, resume: bool, as_json: bool
) -> None:
    quiet_libraries()
    from spacetune.studies import explain_file

    with heeding_sigterm():
        written = explain_file(load(model, encoder), blocks, out, at=at, resume=resume)
    say_written(written, "texts' explanations", as_json)


def _refuse_what_does_not_go_together(questions: dict[str, bool], options: dict[str, object]) -> None:
    """Raise `UsageError` for two questions at once, and for an option that the question has no use for."""
    asked = [question for question, is_asked in questions.items() if is_asked]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} are questions of their own: ask one at a time")
    (question,) = asked or [""]
    for option, value in options.items():
        if value is not None and option not in TAKEN[question]:
            owners = [each or "an explanation alone" for each, taken in TAKEN.items() if option in taken]
            raise UsageError(
                f"{option} is of {' and '.join(owners)}, and has no use {f'with {question}' if question else 'here'}"
            )


def named_class(name: str, classes: tuple[Any, ...], option: str = "--class") -> Any:
    """Find a class by the name typed on the command line."""
    from spacetune.errors import did_you_mean

    names = {str(c): c for c in classes}
    if name not in names:
        near = did_you_mean(name, names)
        raise UsageError(
            f"{option} {name!r} is none of {', '.join(names)}" + (f"; did you mean {near}?" if near else "")
        )
    return names[name]
