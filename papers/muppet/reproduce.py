"""How to Dissect a Muppet, on the default encoder: importances over layers, NER and word senses on 15 subsets of
the terms, agreement of nearest neighbours, and what fine-tuning changes.

Run `python -m papers.muppet.reproduce [experiment …]`: writes results/<experiment>.json and results.md beside this
file. An experiment whose result is there is not run again; remove the file to run it anew.
"""

from __future__ import annotations

import json
import sys
import time

from papers.muppet import experiments
from papers.muppet.tables import markdown
from papers.muppet.words import HERE

from spacetune import Encoder

EXPERIMENTS = {
    "curves": experiments.curves,
    "ner": experiments.ner,
    "wsd_lexical_sample": experiments.wsd_lexical_sample,
    "wsd_all_words": experiments.wsd_all_words,
    "fine_tuning": experiments.fine_tuning,
}


def main(names: list[str] | None = None) -> None:
    """Run what is not there yet, and write the page."""
    encoder = Encoder.from_pretrained(dtype="float32")
    (HERE / "results").mkdir(exist_ok=True)
    for name in names or list(EXPERIMENTS):
        place = HERE / "results" / f"{name}.json"
        if place.is_file():
            continue
        start = time.perf_counter()
        found = EXPERIMENTS[name](encoder)
        found["seconds"] = round(time.perf_counter() - start, 1)
        unfinished = place.with_suffix(".writing")
        unfinished.write_text(json.dumps(found, indent=1) + "\n")
        unfinished.replace(place)
        print(f"{name}: {found['seconds']} s", flush=True)
    (HERE / "results.md").write_text(markdown(HERE))


if __name__ == "__main__":
    main(sys.argv[1:])
