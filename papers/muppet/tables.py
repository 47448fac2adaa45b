"""The results as Markdown, the published numbers beside ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from papers.muppet.probes import SUBSETS

LETTERS = ("i", "h", "f", "c")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} ± {np.std(values):.2f}"


def curves(found: dict[str, Any], published: dict[str, Any]) -> str:
    ours, deviation = (np.array(found[k]["relative_dot_product"]) for k in ("mean", "std"))
    theirs, step = published["curves"]["base"], 12 // (len(ours) - 1)
    rows = [
        [
            str(layer),
            *(f"{x:.3f} ({s:.3f})" for x, s in zip(ours[layer], deviation[layer], strict=True)),
            " ".join(f"{x:.3f}" for x in theirs[step * layer]),
        ]
        for layer in range(len(ours))
    ]
    times = {1: "", 2: ", layer times two"}.get(step, f", layer times {step}")
    header = ["layer", *LETTERS, f"published, bert-base{times}: i h f c"]
    return f"""## Importance over layers

{found["n_tokens"]:,} tokens of {found["n_texts"]} paragraphs of wikitext-2 (test), {named(found)}.
Mean relative dot product and, in brackets, its standard deviation over tokens.
Largest residual {found["residual"]:.1e}; importances sum to 1 within {found["largest |sum - 1|"]:.1e}.

{table(header, rows)}

The numbers are not comparable: the encoder (trained further as a sentence encoder) and the text differ from those of
the paper. The course of each term over the layers is comparable.
"""


def named(found: dict[str, Any]) -> str:
    """Return the encoder's name and size."""
    name = found.get("encoder", "all-MiniLM-L6-v2").rsplit("/", 1)[-1]
    layers = len(found["mean"]["relative_dot_product"]) - 1
    return f"{name} ({layers} layers of {found.get('dim', 384)})"


def linearity(found: dict[str, Any], published: dict[str, Any]) -> str:
    ours, held, theirs = found["R2"], found["R2, held out"], published["linearity"]["base"]
    step = len(theirs) // len(ours)
    rows = [
        [str(i + 1), f"{own:.3f}", f"{out:.3f}", f"{theirs[step * (i + 1) - 1]:.3f}"]
        for i, (own, out) in enumerate(zip(ours, held, strict=True))
    ]
    header = ["layer", "R²", "R², held-out texts", "published, bert-base, at this share of the depth"]
    return f"""## How linear the feed-forwards are

R² of a linear map from the feed-forward's input to its output, both standardised, on the same {found["n_tokens"]:,}
tokens: fitted and evaluated on all of them, as in the paper, and fitted on half of the texts and evaluated on the other
half (ours).

{table(header, rows)}
"""


def subsets(title: str, columns: dict[str, dict[str, Sequence[float] | float]]) -> str:
    def cell(value: Sequence[float] | float) -> str:
        return f"{value:.2f}" if isinstance(value, float) else spread(value)

    return table([title, *columns], [[s, *(cell(column[s]) for column in columns.values())] for s in SUBSETS])


def best(scores: dict[str, Any]) -> str:
    name = max(scores, key=lambda subset: float(np.mean(scores[subset])))
    return f"{name} ({np.mean(scores[name]):.2f})"


def ner(found: dict[str, Any], published: dict[str, Any]) -> str:
    scores = found["macro-F1"]
    order = sorted("IHFC", key=lambda t: -float(np.mean(scores[t])))
    return f"""## Named entities

WNUT17, {found["n_train_words"]:,} training and {found["n_test_words"]:,} test words, {len(found["labels"])} BIO labels.
A word is the sum of its wordpieces' terms at the last layer. A linear softmax classifier (8 epochs of Adam, fixed
settings, nothing chosen on test), 5 seeds; macro-F1 over labels, including O, mean ± standard deviation. Always
predicting O gives {found["macro-F1, always O"]:.2f}.

{subsets("subset", {"ours, WNUT17": scores, "published, WNUT-16": published["ner"]["mean"]})}

Single terms from best to worst: {" > ".join(f"{t} {np.mean(scores[t]):.1f}" for t in order)}; the paper has
H ≥ F ≫ I > C. Best subset: {best(scores)}; the paper's: H+C (33.40). The numbers are not comparable: WNUT-16 (Ritter)
has other texts and 21 labels, and the paper's classifier is an MLP with tuned settings, on bert-base.
"""


def lexical(found: dict[str, Any], published: dict[str, Any]) -> str:
    columns = {
        "ours, classifier": found["accuracy"],
        "ours, 5 nearest": found["accuracy, 5 nearest"],
        "published, SemCor, classifier": published["wsd"]["mean"],
    }
    return f"""## Word senses: four words

senseval lexical sample (hard, interest, line, serve), {found["n"]:,} uses, at most 500 per word, drawn with a
seed; one in five held out, 5 seeds. The vector is the sum over the target word's own wordpieces, found by
characters: no special tokens and no shifted offsets (the official code has both). Always predicting the most frequent
sense:
{spread(found["accuracy of the most frequent sense"])}.

{subsets("subset", columns)}

Best: classifier {best(found["accuracy"])}, nearest neighbours {best(found["accuracy, 5 nearest"])}; the paper: H+C
(66.72). The numbers are not comparable: four words with many examples each, not all words of SemCor.
"""


def all_words(found: dict[str, Any]) -> str:
    frequent = found["accuracy of the most frequent sense of the others"]
    return f"""## Word senses: all words

Five all-words sets (senseval 2 and 3, semeval 2007, 2013, 2015) together: {found["n_items"]:,} uses of
{found["n_lemmas"]:,} lemmas that occur more than once and with more than one sense. Each use is given the majority
sense of its 5 nearest other uses of the lemma. If there are several gold keys, the first in alphabetical order is used.
The most frequent sense of the other uses gives {frequent:.2f}. The paper does not give its accuracies for nearest
neighbours.

{subsets("subset", {"accuracy, 5 nearest": found["accuracy, 5 nearest"]})}

Best: {best(found["accuracy, 5 nearest"])}.
"""


def agreements(lexical: dict[str, Any], all_words: dict[str, Any], published: dict[str, Any]) -> str:
    sources = {
        "four words, classifier": lexical["agreement, classifier"],
        "four words, 5 nearest": lexical["agreement, 5 nearest"],
        "all words, 5 nearest": all_words["agreement, 5 nearest"],
    }
    pairs = list(published["agreement"])
    rows = [
        [pair, *(f"{kept[pair]:.0f}" for kept in sources.values()), str(published["agreement"][pair])] for pair in pairs
    ]
    return f"""## Agreement between two subsets

Percentage of items with equal predictions; all 105 pairs are in the JSON files. Published: nearest neighbours on
SemCor.

{table(["subsets", *sources, "published"], rows)}
"""


def fine_tuning(found: dict[str, Any], published: dict[str, Any]) -> str:
    before, after = (np.array(found[k]["mean"]["relative_dot_product"]) for k in ("before", "after"))
    rows = [
        [str(layer), *(f"{b:.3f} → {a:.3f}" for b, a in zip(before[layer], after[layer], strict=True))]
        for layer in range(len(before))
    ]
    theirs = published["curves"]
    base = theirs["base"][-1]
    rows += [
        [f"published, layer 12, {name}", *(f"{b:.3f} → {a:.3f}" for b, a in zip(base, theirs[key], strict=True))]
        for name, key in (("NER", "last layer, NER"), ("SQuAD", "last layer, SQuAD"))
    ]
    change = after[-1] - before[-1]
    moved = ", ".join(f"{t} {x:+.3f}" for t, x in zip(LETTERS, change, strict=True))
    return f"""## Before and after fine-tuning

The encoder fine-tuned under a Space Model on 1,200 sentences of SST-2 (3 epochs); accuracy on dev
{100 * found["accuracy, frozen"]:.1f} frozen, {100 * found["accuracy, fine-tuned"]:.1f} fine-tuned.
Mean importances on the {found["before"]["n_tokens"]:,} tokens of dev.

{table(["layer", *LETTERS], rows)}

At the last layer: {moved}.
The paper finds that fine-tuning shrinks i and c at the last layer and grows f.
"""


def markdown(publication: Path, results: Path) -> str:
    """Return the page of all results that are there."""
    published = json.loads(publication.read_text())
    found = {place.stem: json.loads(place.read_text()) for place in results.glob("*.json")}
    sections = []
    if "curves" in found:
        sections.append(curves(found["curves"], published))
    if "feed_forward" in found:
        sections.append(linearity(found["feed_forward"], published))
    if "ner" in found:
        sections.append(ner(found["ner"], published))
    if "wsd_lexical_sample" in found:
        sections.append(lexical(found["wsd_lexical_sample"], published))
    if "wsd_all_words" in found:
        sections.append(all_words(found["wsd_all_words"]))
    if {"wsd_lexical_sample", "wsd_all_words"} <= found.keys():
        sections.append(agreements(found["wsd_lexical_sample"], found["wsd_all_words"], published))
    if "fine_tuning" in found:
        sections.append(fine_tuning(found["fine_tuning"], published))
    first = results.name == "results"
    folder = "results/" if first else "results/second/"
    on = "the default encoder" if first else named(found["curves"])
    head = f"""# How to Dissect a Muppet, on {on}

Generated by `python -m papers.muppet.reproduce` from the files in `{folder}`. Published:
{published["paper"]}.
I, H, F, C stand for the input, attention, feed-forward and correction terms.
"""
    return "\n".join([head, *sections])
