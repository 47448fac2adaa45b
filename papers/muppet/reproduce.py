"""How to Dissect a Muppet, on two encoders: importances over layers, how linear the feed-forwards are, NER and word
senses on 15 subsets of the terms, agreement of nearest neighbours, and what fine-tuning changes.

Run `python -m papers.muppet.reproduce [experiment …]`: writes results/<experiment>.json and results.md beside this
file, and where SPACETUNE_SECOND_ENCODER names the folder of all-mpnet-base-v2 (see benchmarks/second_encoder.py)
results/second/ and results_second.md. An experiment whose result is there is not run again; remove the file to run it
anew.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.second_encoder import second_encoder
from papers.keeping import keep
from papers.muppet import experiments
from papers.muppet.tables import markdown
from papers.muppet.words import HERE
from papers.which import named, opened

EXPERIMENTS = {
    "curves": experiments.curves,
    "feed_forward": experiments.feed_forward,
    "ner": experiments.ner,
    "wsd_lexical_sample": experiments.wsd_lexical_sample,
    "wsd_all_words": experiments.wsd_all_words,
    "fine_tuning": experiments.fine_tuning,
}


def main(names: list[str] | None = None) -> None:
    """Run what is not there yet, and write the pages."""
    run(HERE / "results", names or list(EXPERIMENTS))
    if second_encoder() is not None:
        run(HERE / "results" / "second", names or list(EXPERIMENTS), second=True)
    for results in (HERE / "results", HERE / "results" / "second"):
        if results.is_dir():
            name = "results.md" if results.name == "results" else "results_second.md"
            (HERE / name).write_text(markdown(HERE / "published.json", results))


def run(results: Path, names: list[str], *, second: bool = False) -> None:
    """Run an encoder's experiments that have no result yet."""
    results.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (results / f"{name}.json").is_file()]
    encoder = opened(second=second, dtype="float32") if missing else None
    for name in missing:
        assert encoder is not None
        start = time.perf_counter()
        found = {
            "encoder": named(encoder, second=second),
            "n_layers": encoder.n_layers,
            "dim": encoder.dim,
            **EXPERIMENTS[name](encoder),
        }
        found["seconds"] = round(time.perf_counter() - start, 1)
        keep(results / f"{name}.json", found)
        print(f"{name}: {found['seconds']} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
