"""How fast the measures are: the official set on 4,000 x 384 points, and streaming of millions of points.

Run `python -m benchmarks.geometry`; `main(out_path)` writes one JSON file with results, machine and versions.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from benchmarks.official_geometry import official_seconds
from spacetune.geometry import (
    CATALOGUE,
    OFFICIAL_SET,
    CellCounts,
    Directions,
    Moments,
    PointCloud,
    Quantizer,
    Reservoir,
    SampleSizeWarning,
    eee,
    isoscore,
    train_quantizer,
)

RESULTS = Path(__file__).parent / "results" / "geometry.json"
GOLDEN = Path(__file__).resolve().parents[1].parent / "shared" / "golden" / "geometry" / "points.npz"
FAISS_CALLS = ("product quantizer, training", "additive quantizer, training", "additive quantizer, encoding")
DIM, CHUNK = 384, 16_384


def best(run: Callable[[], Any], repeats: int = 5) -> float:
    """Return the least wall time of a call in seconds."""
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def tokens() -> tuple[np.ndarray, str]:
    """Return 4,000 points of 384 dimensions: real tokens where the golden files are there."""
    if GOLDEN.is_file():
        with np.load(GOLDEN) as file:
            return file["minilm_tokens"], "MiniLM last-layer tokens"
    rng = np.random.default_rng(0)
    return (rng.standard_normal((4000, DIM)) * np.geomspace(3, 0.1, DIM)).astype(np.float32), "decaying normal"


def official_set(repeats: int = 3) -> dict[str, Any]:
    """Time the official measures in the official variant beside the official script, with faiss's share of both.

    Training both quantizers and the additive encoding are the same calls of faiss on both sides, so what they take is
    taken off both for the last ratio.
    """
    points, name = tokens()
    runs = [official_run(points) for _ in range(repeats)]
    least = {part: min(run[part] for run in runs) for part in runs[0]}
    official = official_seconds(points)
    training = least["additive quantizer, training"]
    faiss_calls = sum(least[part] for part in FAISS_CALLS)
    return {
        "points": name,
        "processor seconds, best of three": least,
        "official script, processor seconds, best of three": official,
        "times faster, whole set": official["whole set"] / least["whole set"],
        "times faster, without additive training": (official["whole set"] - training) / (least["whole set"] - training),
        "times faster, without faiss's own calls": (official["whole set"] - faiss_calls)
        / (least["whole set"] - faiss_calls),
    }


def official_run(points: np.ndarray) -> dict[str, float]:
    """Return the processor seconds of each part of one run."""
    cloud, seconds = PointCloud(points), {}
    start = time.process_time()
    for measure in OFFICIAL_SET:
        kind = {"pq": "product", "aq": "additive"}.get(measure[:2])
        if kind and f"{kind} quantizer, training" not in seconds:
            seconds |= {f"{kind} quantizer, {part}": s for part, s in train(cloud, kind).items()}
        settings = {"variant": "official"} if CATALOGUE[measure].variants else {}
        before = time.process_time()
        CATALOGUE[measure].function(cloud, **settings)
        part = "spread measures" if kind is None else f"{kind} quantizer, measures"
        seconds[part] = seconds.get(part, 0.0) + time.process_time() - before
    seconds["whole set"] = time.process_time() - start
    return seconds


def train(cloud: PointCloud, kind: Any) -> dict[str, float]:
    """Quantize a cloud and return what training and encoding took."""
    start = time.process_time()
    trained = train_quantizer(cloud.values, kind)
    middle = time.process_time()
    cloud.quantize_with(trained)
    return {"training": middle - start, "encoding": time.process_time() - middle}


def floors(chunk: np.ndarray) -> dict[str, float]:
    """Return the points a second of the bare products and of reading the memory."""
    return {
        "float64 symmetric product (syrk)": len(chunk) / best(bare_syrk(chunk)),
        "float32 products with 4 x 256 centroids": len(chunk) / best(bare_centroids(chunk)),
        "memory read": len(chunk) / best(lambda: chunk.sum()),
    }


Floor = Callable[[np.ndarray], Callable[[], Any]]


class Stream:
    """Chunks made on the fly, the same for the same seed, with the seconds that making them took."""

    def __init__(self, n: int, seed: int = 0) -> None:
        self.n, self.seconds = n, 0.0
        self.rng = np.random.default_rng(seed)
        self.scales = np.geomspace(2.0, 0.05, DIM).astype(np.float32)
        self.buffer = np.empty((CHUNK, DIM), np.float32)

    def __iter__(self) -> Any:
        for start in range(0, self.n, CHUNK):
            before = time.perf_counter()
            chunk = self.buffer[: min(CHUNK, self.n - start)]
            self.rng.random(out=chunk, dtype=np.float32)
            chunk *= self.scales
            self.seconds += time.perf_counter() - before
            yield chunk


def timed_stream(accumulator: Any, n: int, floor: Callable[[np.ndarray], Any] | None = None) -> dict[str, float]:
    """Feed n generated points to an accumulator; every 16th chunk also goes through the bare product.

    The share of the floor compares processor seconds a point, so that other work on the machine, which comes
    and goes, weighs on both alike.
    """
    stream = Stream(n)
    wall = processor = bare = 0.0
    n_bare = 0
    for i, chunk in enumerate(stream):
        start, start_processor = time.perf_counter(), time.process_time()
        accumulator.update(chunk)
        processor += time.process_time() - start_processor
        wall += time.perf_counter() - start
        if floor is not None and i % 16 == 0:
            prepared = floor(chunk)
            prepared()
            start_processor = time.process_time()
            prepared()
            bare += time.process_time() - start_processor
            n_bare += len(chunk)
    found = {
        "points": n,
        "seconds": wall,
        "processor seconds": processor,
        "seconds of making points": stream.seconds,
        "points a second": n / wall,
    }
    if n_bare:
        found["floor, processor seconds"] = bare / n_bare * n
        found["share of the floor"] = bare / n_bare * n / processor
    return found


def bare_syrk(chunk: np.ndarray) -> Callable[[], Any]:
    """Return the float64 product of a chunk with itself, which its covariance cannot do without."""
    doubles = chunk.astype(np.float64)
    return lambda: doubles.T @ doubles


def bare_centroids(chunk: np.ndarray) -> Callable[[], Any]:
    """Return the float32 products of a chunk's quarters with 256 centroids each, block by block."""
    width, rows = DIM // 4, 1024
    books = np.full((width, 256), 0.5, np.float32)
    out = np.empty((rows, 256), np.float32)
    blocks = [chunk[i : i + rows, q * width : (q + 1) * width] for i in range(0, len(chunk), rows) for q in range(4)]

    def products() -> None:
        for block in blocks:
            np.matmul(block, books, out=out[: len(block)])

    return products


def streaming(n: int) -> dict[str, Any]:
    """Stream n points through the accumulators and compare with the floors."""
    found: dict[str, Any] = {"floors alone, points a second": floors(next(iter(Stream(CHUNK))).copy())}
    moments, sample = Moments(DIM), Reservoir(20_000)
    found["moments"] = timed_stream(moments, n, bare_syrk)
    found["sample of 20,000"] = timed_stream(sample, n // 10)
    found["directions"] = timed_stream(Directions(DIM), n // 10)
    counts = CellCounts(train_quantizer(sample.points, "product"))
    found["product quantizer counts"] = timed_stream(counts, n, bare_centroids)
    found["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["values"] = {"EEE": eee(moments), "IsoScore": isoscore(moments), "PQ-PP": counts.patchiness}
    found["shards"] = shards(min(n, 1_000_000), counts.quantizer)
    return found


def shards(n: int, quantizer: Quantizer) -> dict[str, float]:
    """Return the greatest relative differences between one pass and 16 merged shards."""
    makers = (lambda: Moments(DIM), lambda: Directions(DIM), lambda: CellCounts(quantizer))
    whole, parts = [make() for make in makers], [[make() for make in makers] for _ in range(16)]
    for i, chunk in enumerate(Stream(n)):
        for accumulator in (*whole, *parts[i % 16]):
            accumulator.update(chunk)
    merged = [functools.reduce(lambda a, b: a.merge(b), column) for column in zip(*parts, strict=True)]
    one, all_ = (dict(zip(("moments", "directions", "cells"), each, strict=True)) for each in (whole, merged))
    gap = np.abs(all_["moments"].covariance - one["moments"].covariance).max()
    pairs = {
        "eigenvalues": [each["moments"].spectrum.values for each in (one, all_)],
        "average cosine": [each["directions"].average_cosine for each in (one, all_)],
        "PQ-RE": [each["cells"].reconstruction_error for each in (one, all_)],
        "PQ-RS": [each["cells"].reconstruction_skew for each in (one, all_)],
        "PQ-PP": [each["cells"].patchiness for each in (one, all_)],
    }
    found = {name: float(np.abs(np.divide(b, a) - 1).max()) for name, (a, b) in pairs.items()}
    return {"points": n, "covariance": float(gap / np.abs(one["moments"].covariance).max()), **found}


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    import faiss

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "load at start": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "faiss": faiss.__version__,
    }


def main(out_path: str | Path = RESULTS, n_points: int = 10_000_000) -> dict[str, Any]:
    """Measure everything, write the JSON file and return what it holds."""
    warnings.simplefilter("ignore", SampleSizeWarning)
    found = {"machine": machine(), "official set": official_set(), "streaming": streaming(n_points)}
    out = Path(out_path)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:2], *(int(n) for n in sys.argv[2:3])), indent=1))
