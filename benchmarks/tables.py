"""Draw `docs/benchmarks.md` from the committed results: `python -m benchmarks.tables`. No number is typed by hand."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import HERE, RESULTS

Result = dict[str, Any]
PAGE = HERE.parent / "docs" / "benchmarks.md"
NAMES = ("speed", "imdb", "parity", "sma_command", "dissection", "geometry")


def main(folder: str | None = None, page: str | None = None) -> None:
    place = Path(folder) if folder else RESULTS
    found = {name: place / f"{name}.json" for name in NAMES}
    results = {name: json.loads(path.read_text()) for name, path in found.items() if path.is_file()}
    (Path(page) if page else PAGE).write_text(draw(results))


def draw(results: dict[str, Result]) -> str:
    parts = ["# Benchmarks", "Drawn by `make docs` from `benchmarks/results/*.json`; `make bench` measures again."]
    sections = (speed, imdb, parity, sma_command, dissection, geometry)
    for name, section in zip(NAMES, sections, strict=True):
        if name in results:
            parts += section(results[name])
    missing = [name for name in NAMES if name not in results]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(number(cell) for cell in line) + " |" for line in lines)


def number(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def spread(row: Result) -> str:
    return f"{number(row['median'])} ({number(row['min'])} to {number(row['max'])})"


def machine(result: Result) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    cores = f"{result['cores']} cores, load {result['load_at_start']} at the start"
    return f"{result['date']}; {result['cpu']}, {cores}; {versions}."


def speed(result: Result) -> list[str]:
    peaks = {k: v for k, v in result["peak"].items() if isinstance(v, dict)}
    skipped = "; ".join(f"{name} ({why})" for name, why in result["skipped"].items()) or "none"
    return [
        "## Speed",
        machine(result),
        f"Median (least to most) over {result['plan']['rounds']} rounds. Peers skipped: {skipped}.",
        f"Floor of it all: {result['peak']['what']}; `laid_out` is {result['peak']['laid_out_is']}.",
        table(["product", "GFLOP/s"], [[name, spread(row)] for name, row in peaks.items()]),
        *features(result),
        *fit(result["fit"]),
        *predict(result["predict"]),
        *memory(result["memory"]),
    ]


def features(result: Result) -> list[str]:
    parts = ["### Features"]
    head = ["", "tokens/s", "seconds", "times sentence-transformers", "share of peak"]
    for name, row in result["features"].items():
        floor = ", ".join(f"{k} {number(v['tokens_per_second'])}" for k, v in row["floor"].items() if k != "what")
        parts.append(f"**{name}**: {row['what']}; {row['texts']:,} texts, {row['tokens']:,} tokens. Floor: {floor}.")
        rows = [
            [
                n,
                r["tokens_per_second"],
                spread(r["seconds"]),
                r.get("times_sentence_transformers", "-"),
                "-" if "openvino" in n else percent(r["share_of_peak"]),  # it chooses its own dtype
            ]
            for n, r in row["contestants"].items()
        ]
        parts.append(table(head, rows))
    where = result["where_time_goes"]
    parts.append("What bounds the rest, on the mix: each part run by itself, as a share of the whole pass.")
    rows = [[n, spread(r["seconds"]), percent(r["share_of_whole"])] for n, r in where["parts"].items()]
    parts.append(table(["part", "seconds", "share"], rows))
    filling = f"{100 * where['rows_more_than_tokens']:.1f} %"
    closing = f"Rows that fill blocks up: {filling} of the tokens. {bound(where['parts'])}"
    return [*parts, closing]


def bound(parts: Result) -> str:
    """Say which part of a pass is the largest; parts timed apart need not add up to the whole."""
    shares = {name: row["share_of_whole"] for name, row in parts.items()}
    if "their linear layers" not in shares:
        return ""
    linear, forward = shares["their linear layers"], shares["forward passes"]
    pieces = {
        "the linear layers": linear,
        "attention, norms and copies in the forward passes": max(0.0, forward - linear),
        "work around the forward passes": max(0.0, 1 - forward),
    }
    listed = ", ".join(f"{name} {percent(value)}" for name, value in pieces.items())
    return f"By difference: {listed}. What bounds it most: {max(pieces, key=pieces.__getitem__)}."


def fit(row: Result) -> list[str]:
    floors = [[f"floor of {name}: {f['what']}", number(f["seconds"]), "-"] for name, f in row["floors"].items()]
    ours = [[name, spread(seconds), "-"] for name, seconds in row["seconds"].items()]
    others = [
        [
            f"{n}: {o['measured_steps']} steps measured, {o['extrapolated_steps']:,} extrapolated",
            o["extrapolated_seconds"],
            o["times_spacetune"],
        ]
        for n, o in row["others"].items()
    ]
    second = f"Second fit over fitting alone: {number(row['second_fit_over_fitting_alone'])}"
    alone = f"fitting alone over the encoder pass: {number(row['fitting_alone_over_encoder_pass'])}"
    shards = f"new shards in the second fit: {row['new_shards_in_second_fit']}"
    return [
        f"### Fit\n\n{row['what']}; {row['texts']:,} texts, {row['tokens']:,} tokens, {row['epochs']} epochs.",
        table(["", "seconds", "times raw text to saved model"], [*ours, *floors, *others]),
        f"{second}; {alone}; {shards}.",
    ]


def predict(row: Result) -> list[str]:
    one, bulk = row["one_text"], row["bulk"]
    calls = [[n, r["p50"], r["p95"]] for n, r in one["milliseconds"].items()]
    calls.append([f"floor: {one['floor']['what']}", one["floor"]["milliseconds"], "-"])
    rates = [[n, r["tokens_per_second"], percent(r["share_of_last_layer_rate"])] for n, r in bulk["rows"].items()]
    rates.append([f"floor: {bulk['floor']['what']}", bulk["floor"]["tokens_per_second"], "-"])
    over = number(one["predict_over_bare_forward"])
    when = [f"Measured apart from the rest: {machine(row['measured'])}"] if "measured" in row else []
    return [
        f"### Prediction\n\nOne text of {one['tokens']} tokens: {over} times the bare forward pass at p50.",
        table(["", "p50, ms", "p95, ms"], calls),
        f"In bulk, {bulk['texts']:,} texts:",
        table(["", "tokens/s", "share of the last-layer feature rate"], rates),
        *when,
    ]


def memory(row: Result) -> list[str]:
    keys = ("texts", "peak_mb", "before_mb", "largest_window_mb", "seconds_per_text", "tokens_per_second")
    per_text = number(row["seconds_per_text_last_over_first"])
    return [
        f"### Memory\n\n{row['what']}. Floor: {row['floor']}.",
        table([key.replace("_", " ") for key in keys], [[r[key] for key in keys] for r in row["rows"]]),
        f"Seconds a text at the largest size over the smallest: {per_text}.",
    ]


def sma_command(result: Result) -> list[str]:
    names = ("accuracy", "macro_f1")
    ours = [f"{result['test_mean'][k]:.4f} ± {result['test_std'][k]:.4f}" for k in names]
    rows = [
        ["space, default settings, by the two commands", *ours],
        [f"published: {result['published']['what']}", *(f"{result['published'][k]:.4f}" for k in names)],
        ["majority", *(f"{result['majority'][k]:.4f}" for k in names)],
    ]
    runs = [
        [r["seed"], f"{r['test']['accuracy']:.4f}", f"{r['test']['macro_f1']:.4f}", r["command_seconds"], r["peak_mb"]]
        for r in result["runs"]
    ]
    return [
        "## Social Media Attributions",
        result["what"].strip(),
        machine(result),
        table(["test, mean and spread over seeds", "accuracy", "macro-F1"], rows),
        table(["seed", "accuracy", "macro-F1", "fit command, s", "peak MB"], runs),
        *result["notes"],
    ]


def imdb(result: Result) -> list[str]:
    encoding, fitting = result["encoding"], result["fitting"]
    keys = ("texts", "tokens", "peak MB", "MB before", "seconds per text", "tokens/s", "store GB")
    flat = number(encoding["seconds per text, largest size over smallest"])
    return [
        "## IMDB at full size",
        result["what"].strip(),
        machine(result["circumstances"]),
        table(keys, [[row[key] for key in keys] for row in encoding["rows"]]),
        f"Seconds a text at the largest size over the smallest: {flat}.",
        f"The fit of {fitting['texts']:,} reviews from the store: peak {fitting['peak MB']:,} MB, "
        f"{number(fitting['seconds'])} s ({number(fitting['cpu seconds'])} s of processor time); {fitting['history']}. "
        f"Remark: {fitting.get('remark', 'none')}.",
    ]


def parity(result: Result) -> list[str]:
    head = ["set", "tokens", "form", "least cosine", "at the last layer", "probe", "space head", "± seeds"]
    rows: list[list[Any]] = []
    for name, row in result["sets"].items():
        for form, scores in row["test"].items():
            lows = [row["tokens"][key].get(form, 1.0) for key in list(row["tokens"])[1:]]
            space = [each["accuracy"] for each in scores["space head"]]
            of_seeds = f"{statistics.mean(space):.4f}", f"{statistics.stdev(space):.4f}"
            probe = f"{scores['linear probe'][0]['accuracy']:.4f}"
            rows.append([name, row["tokens"]["n_tokens"], form, *(f"{low:.5f}" for low in lows), probe, *of_seeds])
    differences = [
        [name, f"{row['points of accuracy, mean']:+.2f}", *(f"{v:+.2f}" for v in row["per set"].values())]
        for name, row in result["difference to float32"].items()
    ]
    return [
        "## Fast forms of the features",
        result["what"].strip(),
        machine(result["circumstances"]),
        table(head, rows),
        "Points of test accuracy, less float32's:",
        table(["", "mean", *result["sets"]], differences),
    ]


def dissection(result: Result) -> list[str]:
    beside, heads, command = result["beside a forward pass"], result["heads"], result["the command"]
    ratios = beside["over the float32 forward pass"]
    ours = heads["cpu seconds a sentence"]
    theirs = heads.get("official, cpu seconds a sentence, in this run", {})
    times = heads.get("times faster", {})
    rows = [
        [name, number(1000 * value), *(times[name][part] if name in times else "-" for part in theirs)]
        for name, value in ours.items()
    ]
    rows += [[f"official: {name}", number(1000 * value), *("-" for _ in theirs)] for name, value in theirs.items()]
    return [
        "## Dissection",
        machine(result["circumstances"]),
        f"Processor time on {beside['n_texts']:,} sentences, {beside['n_tokens']:,} tokens, over a float32 pass that "
        "keeps all states:",
        table(["", "times"], ratios.items()),
        f"Importances of every layer, head and attended token, {heads['n_texts']} sentences of 7 to 17 tokens:",
        table(["", "ms a sentence", *(f"times faster than the official {part}" for part in theirs)], rows),
        f"A text of {result['a text of 512 tokens']['n_tokens']} tokens with all splits: peak "
        f"{result['a text of 512 tokens']['peak GB']} GB. `spacetune dissect`: "
        f"{number(command['wall seconds, median'])} s.",
    ]


SPEEDUPS = ("whole set", "without additive training", "without faiss's own calls")


def geometry(result: Result) -> list[str]:
    about = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    official, streams = result["official set"], result["streaming"]
    seconds = official["processor seconds, best of three"]
    script = official["official script, processor seconds, best of three"]
    rows = [[name, row["points a second"], share(row)] for name, row in streams.items() if _is_stream(row)]
    whole, rest, own = (number(official[f"times faster, {part}"]) for part in SPEEDUPS)
    return [
        "## Geometry",
        about + ".",
        f"The official set on {official['points']}, against the official script ({number(script['whole set'])} s, "
        f"measured {script['measured']}): {whole} times its speed as a whole, {rest} times without the additive "
        f"quantizer's training, {own} times without all that is faiss's own on both sides.",
        table(["part", "processor seconds"], seconds.items()),
        table(["stream", "points/s", "share of the floor"], rows),
    ]


def _is_stream(row: Any) -> bool:
    return isinstance(row, dict) and "points a second" in row


def share(row: Result) -> str:
    return percent(row["share of the floor"]) if "share of the floor" in row else "-"


if __name__ == "__main__":
    main(*sys.argv[1:3])
