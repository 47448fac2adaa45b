"""How fast the measures are: the official set on 4,000 x 384 points, and streaming of millions of points.

Run `python -m benchmarks.geometry`; `main(out_path)` writes one JSON file with results, machine and versions.
"""

from __future__ import annotations

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

from spacetune.geometry import (
    CATALOGUE,
    OFFICIAL_SET,
    CellCounts,
    Directions,
    Moments,
    PointCloud,
    Reservoir,
    SampleSizeWarning,
    eee,
    isoscore,
    train_quantizer,
)

RESULTS = Path(__file__).parent / "results" / "geometry.json"
GOLDEN = Path(__file__).resolve().parents[1].parent / "shared" / "golden" / "geometry" / "points.npz"
OFFICIAL_SECONDS = {
    "whole set": 35.82,
    "training of the additive quantizer": 13.04,
}  # 2 cores, golden reference.json
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
    return (rng.standard_normal((4000, DIM)) * np.geomspace(3, 0.1, DIM)).astype(
        np.float32
    ), "decaying normal"


def official_set(repeats: int = 3) -> dict[str, Any]:
    """Time the official measures in the official variant, with what each quantizer's training takes."""
    points, name = tokens()
    runs: list[dict[str, float]] = []
    for _ in range(repeats):
        cloud, seconds = PointCloud(points), {}
        start = time.perf_counter()
        for measure in OFFICIAL_SET:
            kind = {"pq": "product", "aq": "additive"}.get(measure[:2])
            if kind and f"{kind} quantizer, training" not in seconds:
                seconds[f"{kind} quantizer, training"], seconds[f"{kind} quantizer, encoding"] = train(
                    cloud, kind
                )
            settings = {"variant": "official"} if CATALOGUE[measure].variants else {}
            before = time.perf_counter()
            CATALOGUE[measure].function(cloud, **settings)
            part = "spread measures" if kind is None else f"{kind} quantizer, measures"
            seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - before
        seconds["whole set"] = time.perf_counter() - start
        runs.append(seconds)
    middle = {key: sorted(run[key] for run in runs)[repeats // 2] for key in runs[0]}
    rest = middle["whole set"] - middle["additive quantizer, training"]
    official_rest = OFFICIAL_SECONDS["whole set"] - OFFICIAL_SECONDS["training of the additive quantizer"]
    return {
        "points": name,
        "seconds": middle,
        "seconds without additive training": rest,
        "official seconds": OFFICIAL_SECONDS,
        "times faster, whole set": OFFICIAL_SECONDS["whole set"] / middle["whole set"],
        "times faster, without additive training": official_rest / rest,
    }


def train(cloud: PointCloud, kind: Any) -> tuple[float, float]:
    """Quantize a cloud and return the seconds of training and of encoding."""
    from spacetune.geometry.quantizers import quantize

    start = time.perf_counter()
    trained = train_quantizer(cloud.values, kind)
    middle = time.perf_counter()
    cloud._quantizations[kind] = quantize(cloud.values, kind, quantizer=trained)
    return middle - start, time.perf_counter() - middle


def floors(chunk: np.ndarray) -> dict[str, float]:
    """Return the points a second of the bare matrix products and of reading the memory."""
    doubles = chunk.astype(np.float64)
    turned = np.ascontiguousarray(doubles.T)
    books = np.zeros((DIM // 4, 256), np.float32)
    quarter = np.ascontiguousarray(chunk[:, : DIM // 4])
    return {
        "float64 symmetric product (syrk)": len(chunk) / best(lambda: doubles.T @ doubles),
        "float64 general product (gemm)": len(chunk) / best(lambda: turned @ doubles),
        "float32 product with 4 x 256 centroids": len(chunk) / (4 * best(lambda: quarter @ books)),
        "memory read": len(chunk) / best(lambda: chunk.sum()),
    }


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


def timed_stream(accumulator: Any, n: int) -> dict[str, float]:
    """Feed n generated points to an accumulator and return its seconds and points a second."""
    stream, start = Stream(n), time.perf_counter()
    for chunk in stream:
        accumulator.update(chunk)
    seconds = time.perf_counter() - start - stream.seconds
    return {
        "points": n,
        "seconds": seconds,
        "seconds of making points": stream.seconds,
        "points a second": n / seconds,
    }


def streaming(n: int) -> dict[str, Any]:
    """Stream n points through the accumulators and compare with the floors."""
    first = next(iter(Stream(CHUNK))).copy()
    bare = floors(first)
    sample = Reservoir(20_000)
    found: dict[str, Any] = {"floors, points a second": bare}
    moments = Moments(DIM)
    found["moments"] = timed_stream(moments, n)
    found["sample of 20,000"] = timed_stream(sample, n // 10)
    found["directions"] = timed_stream(Directions(DIM), n // 10)
    counts = CellCounts(train_quantizer(sample.points, "product"))
    found["product quantizer counts"] = timed_stream(counts, n)
    # the floor is measured again, since others may have come to the machine meanwhile
    bare_after = floors(first)
    found["floors after, points a second"] = bare_after
    syrk = max(bare["float64 symmetric product (syrk)"], bare_after["float64 symmetric product (syrk)"])
    books = "float32 product with 4 x 256 centroids"
    found["moments, share of the syrk floor"] = found["moments"]["points a second"] / syrk
    found["counts, share of the centroid product"] = found["product quantizer counts"][
        "points a second"
    ] / max(bare[books], bare_after[books])
    found["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["values"] = {"EEE": eee(moments), "IsoScore": isoscore(moments), "PQ-PP": counts.patchiness}
    found["shards"] = shards(min(n, 1_000_000))
    return found


def shards(n: int) -> dict[str, float]:
    """Return the greatest relative difference between one pass and 16 merged shards."""
    whole, parts = Moments(DIM), [Moments(DIM) for _ in range(16)]
    for i, chunk in enumerate(Stream(n)):
        whole.update(chunk)
        parts[i % 16].update(chunk)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    gap = np.abs(merged.covariance - whole.covariance).max() / np.abs(whole.covariance).max()
    values = np.abs(merged.spectrum.values / whole.spectrum.values - 1).max()
    return {"points": n, "covariance": float(gap), "eigenvalues": float(values)}


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    import faiss

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
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
