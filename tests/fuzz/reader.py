"""Damaged files through the reader: only a `SpacetuneError` may leave it, in one printable line, within 10 seconds.

``python -m tests.fuzz.reader 5000 [seed]`` reads so many damaged files. One that breaks the rule is kept in
``tests/fuzz/corpus``, which the tests read again, and is where the next run starts from too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spacetune import read_texts
from spacetune.data import check_texts, label_kind
from spacetune.errors import SpacetuneError, printable

CORPUS = Path(__file__).parent / "corpus"
LIMIT = 10.0

ROWS: list[dict[str, Any]] = [
    {"text": "lovely film", "label": "good", "n": 1, "score": 0.5, "tags": ["joy", "love"], "flags": [1, 0]},
    {"text": 'says "no", twice', "label": "bad", "n": 22, "score": 2.25, "tags": [], "flags": [0, 1]},
    {"text": "two\nlines\tand 🙂 é", "label": "Good", "n": -3, "score": 1.1, "tags": ["joy"], "flags": [1, 1]},
]
PIECES = [
    b'"', b'""', b"\x00", b"\x1b[2J", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed", b"\r", b"\n", b"\t", b",", b";", b"|",
    b"sep=;\n", b"9" * 400, b"9" * 5000, b"1e999", b"NaN", b"-Infinity", b"null", b"true", b"{}", b"[]", b"[[[[",
    b"[" * 3000, b'{"a":', b"}", b"]", b'\\ud83d', b"\\u0000", b"0x1", b"1_0", b"01", b"1.10", b"inf", b"'", b"[1, 0]",
    b'{"choices": ["a"]}', b"text,label\n", "\u0301".encode(), "\u202e".encode(), b"PAR1", b"\x1f\x8b\x08",
]  # fmt: skip
OPTIONS: dict[str, list[Any]] = {
    "label": ["label", "n", "score", "tags", "flags", "label", "label"],
    "labelled": [None, True, False],
    "label_separator": [None, None, None, "|", "list"],
    "delimiter": [None, None, None, ",", ";", "\t", "a"],
    "encoding": ["utf-8", "utf-8", "utf-8", "utf-16", "cp1252", "utf-16-le", "utf-32", "ascii", "utf-7", "idna"],
    "quoting": ["auto", "auto", "double", "none"],
    "task": ["auto", "classification"],
}


def seeds() -> list[tuple[str, bytes]]:
    """Return whole files of every kind, and what the corpus keeps."""
    names = list(ROWS[0])

    def delimited(mark: str, quote: str) -> bytes:
        cells = [names, *([str(v) for v in row.values()] for row in ROWS)]
        return "\r\n".join(
            mark.join(quote + cell.replace('"', '""') + quote if quote else " ".join(cell.split()) for cell in row)
            for row in cells
        ).encode()

    columns = {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in names}
    tasks = [
        {"annotations": [{"result": [{"type": "choices", "from_name": "x", "value": {"choices": ["a"]}}]}],
         "data": {"text": row["text"]}}
        for row in ROWS
    ]  # fmt: skip
    sink = io.BytesIO()
    told = {"info": {"features": {"n": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
    table = pa.Table.from_pylist(ROWS).replace_schema_metadata({b"huggingface": json.dumps(told).encode()})
    pq.write_table(table, sink)
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    made = [
        (".csv", delimited(",", '"')),
        (".csv", b"sep=;\n" + delimited(";", "")),
        (".tsv", delimited("\t", '"')),
        (".tsv", delimited("\t", "")),
        (".csv", delimited(",", '"').decode().encode("utf-16")),
        (".txt", delimited("|", "")),
        (".jsonl", lines),
        (".json", json.dumps(ROWS, indent=1).encode()),
        (".json", json.dumps(columns).encode()),
        (".json", json.dumps({"columns": names, "data": [list(row.values()) for row in ROWS]}).encode()),
        (".json", json.dumps(tasks).encode()),
        (".csv.gz", gzip.compress(delimited(",", '"'), mtime=0)),
        (".jsonl.gz", gzip.compress(lines, mtime=0)),
        (".parquet", sink.getvalue()),
    ]
    return [*made, *kept()]


def kept() -> list[tuple[str, bytes]]:
    """Return the files of the corpus."""
    return [("".join(path.suffixes), path.read_bytes()) for path in sorted(CORPUS.glob("reader-*"))]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage a file at a few places; a gzip file from within as often as from without."""
    if content[:2] == b"\x1f\x8b" and rng.random() < 0.5:
        try:
            return gzip.compress(damaged(gzip.decompress(content), rng), mtime=0)
        except (OSError, EOFError, ValueError):
            pass
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        start, size = rng.randrange(len(content) + 1), rng.choice([1, 1, 2, 5, 40])
        part = content[start : start + size]
        put = rng.choice(
            [
                b"", rng.choice(PIECES), rng.choice(PIECES), part + part, rng.randbytes(size),
                bytes(b ^ (1 << rng.randrange(8)) for b in part),
            ]
        )  # fmt: skip
        content = content[:start] + put + content[start + rng.choice([0, len(part)]) :]
    return content[: rng.randrange(len(content) + 1)] if rng.random() < 0.1 else content


def read_damaged(ending: str, content: bytes, options: dict[str, Any], folder: Path) -> None:
    """Read one file and everything that is said of it; raise whatever breaks the rule."""
    path = folder / f"damaged{ending}"
    path.write_bytes(content)
    began = time.perf_counter()
    said: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = read_texts(path, **options)
        said += [str(note) for note in check_texts(data).notes]
        label_kind(data.labels or [])
        data.labelled_as(["1", "good", "1.10"])
    except SpacetuneError as error:
        said.append(str(error))
    assert time.perf_counter() - began < LIMIT, f"took {time.perf_counter() - began:.1f} s"
    for message in said:
        assert printable(message) == message, f"cannot be printed: {message!r:.300}"
        assert len(message) < 3000, f"{len(message)} characters: {message:.200}"


def cases(n: int, seed: int) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield so many damaged files, and how each is to be read."""
    whole = seeds()
    for number in range(n):
        yield case(whole, seed * 1_000_003 + number)


def case(whole: list[tuple[str, bytes]], number: int) -> tuple[str, bytes, dict[str, Any]]:
    """Return one damaged file, the same for the same number."""
    rng = random.Random(number)
    ending, content = rng.choice(whole)
    options = {name: rng.choice(values) for name, values in OPTIONS.items()} if rng.random() < 0.7 else {}
    return ending, damaged(content, rng), options


def keep(ending: str, content: bytes) -> Path:
    """Put a file into the corpus."""
    path = CORPUS / f"reader-{hashlib.sha256(content).hexdigest()[:12]}{ending}"
    path.write_bytes(content)
    return path


def main(n: int, seed: int = 0) -> int:
    """Read damaged files; return how many broke the rule."""
    broken: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for ending, content, options in cases(n, seed):
            try:
                read_damaged(ending, content, options, Path(folder))
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{type(error).__name__} {Path(last.filename).name}:{last.lineno}"
                if where not in broken:
                    broken[where] = f"{keep(ending, content).name} {options}: {error!s:.300}"
    for where, what in broken.items():
        print(f"{where}: {what}")
    print(f"{n} files, seed {seed}: {len(broken)} kinds of fault")
    return len(broken)


if __name__ == "__main__":
    sys.exit(min(main(*(int(given) for given in sys.argv[1:])), 1))
