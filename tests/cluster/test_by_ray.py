"""A folder's parts by Ray: a cluster of three nodes on this machine, a worker that dies, a driver that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.model_selection import GridSearchCV

from spacetune import Encoder, LinearProbe, measure
from spacetune.bridges.ray import by_ray
from spacetune.data import TextBlocks
from spacetune.encoders import FeatureStore
from spacetune.errors import DataError, UsageError
from spacetune.estimators import load_estimator
from spacetune.studies import encode_file, predict_file

ray: Any = pytest.importorskip("ray", reason="Ray is not installed (make test-ray)")
N_ROWS, SIZE = 900, 100


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> LinearProbe:
    texts = ["a good film", "a bad film", "fine", "poor"] * 8
    return LinearProbe(Encoder.from_pretrained(tiny_encoder.source.folder, dtype="float32")).fit(
        texts, [1, 0, 1, 0] * 8
    )


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> TextBlocks:
    file = tmp_path_factory.mktemp("texts") / "in.parquet"
    texts = [f"film number {i} was {'good' if i % 3 else 'bad'}" for i in range(N_ROWS)]
    pq.write_table(pa.table({"text": texts, "id": range(N_ROWS)}), file)
    return TextBlocks(file, size=SIZE)


def tables(folder: Path) -> list[pa.Table]:
    return [pq.read_table(part) for part in sorted(folder.glob("*.parquet"))]


def test_several_nodes_write_what_one_process_writes(model: LinearProbe, blocks: TextBlocks, tmp_path: Path) -> None:
    here = predict_file(model, blocks, tmp_path / "here", top=1)
    there = predict_file(model, blocks, tmp_path / "there", top=1, engine="ray", workers=2)
    assert tables(tmp_path / "there") == tables(tmp_path / "here")
    assert (there.n_rows, there.n_parts, there.n_skipped) == (here.n_rows, here.n_parts, 0) == (900, 9, 0)


def test_what_lacks_is_written_whoever_began(model: LinearProbe, blocks: TextBlocks, tmp_path: Path) -> None:
    encode_file(model.encoder_, blocks, tmp_path / "parts")
    whole = tables(tmp_path / "parts")
    for part in (2, 7):
        (tmp_path / "parts" / f"part-{part:05}.parquet").unlink()
    found = encode_file(model.encoder_, blocks, tmp_path / "parts", engine="ray", resume=True)
    assert found.n_skipped == 700
    assert tables(tmp_path / "parts") == whole


@pytest.mark.filterwarnings("ignore::spacetune.geometry.SampleSizeWarning")
def test_what_is_measured_is_the_same_bit_for_bit(model: LinearProbe, blocks: TextBlocks) -> None:
    how: dict[str, Any] = {"measures": ["eee", "uniformity", "prompt_entropy", "pq_pp"], "sample": 700}
    here = measure(model.encoder_, blocks, intervals=True, **how)
    there = measure(model.encoder_, blocks, intervals=True, engine="ray", workers=2, **how)
    assert there.n_texts == N_ROWS
    assert any("all tokens, in the cells of" in note for note in there.notes)
    assert there.to_dict() == here.to_dict()


def test_a_search_runs_its_fits_on_the_cluster(model: LinearProbe, tmp_path: Path) -> None:
    import joblib
    from ray.util.joblib import register_ray

    register_ray()
    texts, labels = ["a good film", "a bad film", "fine", "poor"] * 8, [1, 0, 1, 0] * 8
    store = FeatureStore(tmp_path)
    found: list[Any] = []
    for engine in ("sequential", "ray"):
        with joblib.parallel_backend(engine):
            search = GridSearchCV(LinearProbe(model.encoder_, store=store, seed=0), {"C": [0.01, 1.0]}, cv=2, n_jobs=2)
            scores = search.fit(texts, labels).cv_results_["mean_test_score"].tolist()
            found.append((scores, store.summary().n_bytes))
    assert found[1] == found[0]


def test_a_worker_that_dies_is_replaced_and_its_part_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(part: int) -> tuple[int, int]:
        if part == 3 and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (tmp_path / f"{part}").write_text("whole")
        return 10, 1

    assert sorted(by_ray(write, range(8), workers=2)) == [(part, (10, 1)) for part in range(8)]
    assert {file.name for file in tmp_path.iterdir()} == {"died", *map(str, range(8))}
    assert capsys.readouterr().out == ""


def test_a_worker_says_what_a_process_would(tmp_path: Path) -> None:
    def write(part: int) -> tuple[int, int]:
        raise DataError(f"row {part} has no text")

    with pytest.raises(DataError, match="row 0 has no text"):
        list(by_ray(write, [0]))


def test_too_many_workers_are_refused_instead_of_awaited() -> None:
    with pytest.raises(UsageError, match="from 1 to 2: Ray has 3 CPUs"):
        list(by_ray(lambda part: (part, 0), [0], workers=3))


def test_a_killed_driver_is_gone_on_from(model: LinearProbe, blocks: TextBlocks, cluster: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "model")
    predict_file(load_estimator(tmp_path / "model"), blocks, tmp_path / "whole")
    command = [sys.executable, "-m", "spacetune", "predict", str(tmp_path / "model"), str(blocks.source)]
    command += ["--out", str(tmp_path / "parts"), "--block", str(SIZE), "--engine", "ray"]
    driver = subprocess.Popen(command, env=os.environ | {"RAY_ADDRESS": cluster.address}, stderr=subprocess.PIPE)
    until = time.monotonic() + 300
    while not (tmp_path / "parts" / "part-00001.parquet").exists():
        assert driver.poll() is None, driver.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.01)
    driver.kill()
    driver.wait()
    done = subprocess.run([*command[:-2], "--resume"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert tables(tmp_path / "parts") == tables(tmp_path / "whole")
