"""`python -m benchmarks.mutation record`, `sample`, `known`; see `--help` of each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.mutation.known import check_known
from benchmarks.mutation.recording import record
from benchmarks.mutation.running import Tests, run_all
from benchmarks.mutation.sampling import ROOMS, sample, summary


def main(arguments: list[str]) -> None:
    given = _parser().parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    if given.what == "known":
        sys.exit(check_known(given.work, given.names))
    lines = given.work / f"{'-'.join(['lines', *given.names])}.json"
    if given.what == "record" or not lines.exists():
        record(given.work, lines, given.names)
    if given.what == "sample":
        _sample(given, lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("what", choices=["record", "sample", "known"], help="`sample` records first where it must")
    parser.add_argument("names", nargs="*", help="known: only tests whose name holds one of these words; else: rooms of"
                        " the core whose lines are changed and whose tests are run, instead of all")  # fmt: skip
    parser.add_argument("--n", type=int, default=500, help="sample: how many changes (default 500)")
    parser.add_argument("--seed", type=int, default=0, help="sample: of the draw (default 0)")
    parser.add_argument("--workers", type=int, default=2, help="sample: processes side by side (default 2)")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="sample: stop then; the next call goes on")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "spacetune-mutants",
                        help="where copies and what is known so far lie")  # fmt: skip
    return parser


def _sample(given: argparse.Namespace, lines: Path) -> None:
    drawn = sample(given.n, given.seed, given.names or ROOMS)
    results = lines.with_suffix(".jsonl")
    run_all(drawn, Tests.read(lines), given.work, results, given.workers, 60 * given.minutes)
    found = summary(results, {change.key for change in drawn}, given.seed)
    print(f"{found['noticed']} of {found['n']} changes noticed ({found['share']}); {results} tells of each")
    if not given.names:
        from benchmarks.common import circumstances, write  # loads spacetune, which the forks above must not have

        write("mutants", {**circumstances(), **found})


if __name__ == "__main__":
    main(sys.argv[1:])
