"""The command ``explain``: why a prediction came out so, whether that holds, and what it comes to over many texts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, heeding_sigterm, quiet_libraries, say, show, write_place
from spacetune.cli.loading import ModelEncoder, load
from spacetune.cli.reading import (
    COLUMNS,
    LABEL,
    TEXTS,
    Columns,
    LabelColumn,
    Separator,
    named_file,
    reads,
    texts_or_table,
)
from spacetune.cli.streaming import BLOCKS, Blocks, Resume, Streaming, blocks_of, is_stream, say_written, stream_place
from spacetune.errors import UsageError

if TYPE_CHECKING:
    from spacetune.cli.guarded import Draw
    from spacetune.data import LabelledTexts, TextBlocks
    from spacetune.encoders import TextInput
    from spacetune.estimators import TextEstimator
    from spacetune.explanations import At
    from spacetune.results import Result

__all__ = ["explain"]

CHECK = "Test the scores on the model: erase the strongest words, read again, compare with erasing random words."
REACH = "For one text, show which input word reached the states of which word."
COUNTER = "For one text, find the fewest words whose removal changes the prediction."
SUMMARY = "Summarise which words carry each class over all texts, compared with the labels where the file has them."
TOP = "Number of words that --check erases, or of rows of each kind that --summary shows; by default 5."
IN_A_TABLE = "explanations in --out: a folder, or a table of a file's texts"
Stays = Annotated[
    str | None,
    typer.Option("--columns", help="Columns of the file to repeat beside every token, separated by commas."),
]
TAKEN = {
    "": ("--class", "--against", "--at"),
    "--check": ("--at", "--top", "--seed"),
    "--counterfactual": ("--at",),
    "--reach": ("--class",),
    "--summary": ("--at", "--top"),
}
"""The options that each question has a use for."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked, of which class, and where words are looked at: fields that `reads` makes options of."""

    for_class: Annotated[
        str | None, typer.Option("--class", help="Class to explain; by default the predicted one.")
    ] = None
    against: Annotated[str | None, typer.Option(help="Explain the class against this one, or against 'rest'.")] = None
    at: Annotated[
        str | None,
        typer.Option(
            help="Where words are scored: as they go in ('input'), at the states that the head reads ('states'), or by "
            "the mean over every depth ('both')."
        ),
    ] = None
    check: Annotated[bool, typer.Option("--check", help=CHECK)] = False
    counterfactual: Annotated[bool, typer.Option("--counterfactual", help=COUNTER)] = False
    reach: Annotated[bool, typer.Option("--reach", help=REACH)] = False
    summary: Annotated[bool, typer.Option("--summary", help=SUMMARY)] = False
    top: Annotated[int | None, typer.Option(help=TOP, min=1)] = None
    seed: Annotated[int | None, typer.Option(help="Seed of the texts and words that --check draws; default 0.")] = None

    @property
    def place(self) -> At | None:
        """Where words are looked at."""
        return cast("At | None", self.at)

    @property
    def alone(self) -> bool:
        """Whether explanations are wanted as they are: no question about them, no class picked out."""
        return not (self.question or self.for_class or self.against)

    @property
    def question(self) -> str:
        """The option that asks, or nothing."""
        return next(iter(self._asking), "")

    @property
    def _asking(self) -> list[str]:
        return [option for option in TAKEN if option and getattr(self, option.removeprefix("--"))]

    def __post_init__(self) -> None:
        """Raise `UsageError` for two questions at once, and for an option that the question has no use for."""
        if len(self._asking) > 1:
            raise UsageError(f"{' and '.join(self._asking)} cannot be combined: ask one at a time")
        options = {"--class": self.for_class, "--against": self.against, "--at": self.at}
        for option, value in {**options, "--top": self.top, "--seed": self.seed}.items():
            if value is not None and option not in TAKEN[self.question]:
                owners = [each or "an explanation alone" for each, taken in TAKEN.items() if option in taken]
                here = f"with {self.question}" if self.question else "here"
                raise UsageError(f"{option} is for {' and '.join(owners)}, and has no effect {here}")


@guarded
@reads
def explain(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    asked: Asked = Asked(),
    label: LabelColumn = LABEL,
    label_separator: Separator = None,
    out: Report = None,
    resume: Resume = False,
    how: Blocks = BLOCKS,
    keep: Stays = None,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Show what every word gave to a prediction; the scores add up to the logit."""
    if asked.alone:
        out = stream_place(out, inputs=(model, *texts), resume=resume)
        if out is not None and is_stream(out, as_json) and (named_file(texts) or not out.suffix):
            blocks = blocks_of(texts, columns, Streaming(keep=keep, block=how.block))
            options: dict[str, Any] = {"at": asked.place, "resume": resume, **how.by}
            _write_block_by_block(model, encoder, blocks, out, options, as_json)
            return
    elif resume:
        raise UsageError("--resume is for explanations alone: a question writes no parts to continue from")
    else:
        out = write_place(out, inputs=(model, *texts))
    how.refuse(IN_A_TABLE)
    if keep is not None:
        raise UsageError(f"--columns is for {IN_A_TABLE}")
    quiet_libraries()
    read_label = label if asked.summary else None
    given = texts_or_table(texts, columns, label=read_label, label_separator=label_separator)
    found = _answer(load(model, encoder), given, asked)
    show(found, as_json, out, _drawing(asked, found))
    if out is not None and (asked.for_class or asked.against):
        say("! the report opens on the predicted class; choose the class asked for in its menus, Class and against")


def _write_block_by_block(
    model: str, encoder: str | None, blocks: TextBlocks, out: Path, options: dict[str, Any], as_json: bool
) -> None:
    quiet_libraries()
    from spacetune.studies import explain_file

    with heeding_sigterm():
        written = explain_file(load(model, encoder), blocks, out, **options)
    say_written(written, "texts' explanations", as_json)


def _answer(model: TextEstimator, texts: LabelledTexts, asked: Asked) -> Result:
    """Return the answer to a question, or the explanations themselves."""
    from spacetune import studies
    from spacetune.studies.fit.matching import as_named

    match asked.question:
        case "--check":
            top, seed = asked.top or 5, asked.seed or 0
            return studies.check_explanations(model, texts.inputs, top=top, seed=seed, at=asked.place)
        case "--counterfactual":
            return studies.find_counterfactual(model, _only(texts, asked), at=asked.place)
        case "--reach":
            text, name = _only(texts, asked), asked.for_class
            chosen = None if name is None else named_class(name, tuple(model.task_.classes))
            return studies.word_reach(model, text, chosen)
        case _:
            explanation = model.explain(texts.inputs, at=asked.place)
    if asked.summary:
        return studies.summarise(explanation, as_named(model.task_, texts), top=asked.top or 5)
    return explanation


def _drawing(asked: Asked, found: Result) -> Draw | None:
    """Return what prints explanations for a class, or against one, where that is asked for; else None."""
    from spacetune.explanations import REST, Explanation
    from spacetune.reports.terminal import draw_explanation

    if not isinstance(found, Explanation) or not (asked.for_class or asked.against):
        return None
    classes = found[0].classes
    name = None if asked.for_class is None else named_class(asked.for_class, classes)
    rest = asked.against == "rest" and "rest" not in map(str, classes)
    other = REST if rest else None if asked.against is None else named_class(asked.against, classes, "--against")
    return lambda console, result: draw_explanation(console, result, name, other)


def _only(texts: LabelledTexts, asked: Asked) -> TextInput:
    if len(texts) != 1:
        raise UsageError(f"{asked.question} is of one text, got {len(texts)}")
    return texts.inputs[0]


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
