"""Weights converted once: the same numbers, kept, mapped, and never a reason to fail."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from imgcap.inference import conversions
from imgcap.inference.conversions import discard
from imgcap.inference.converted import converted
from imgcap.inference.folders import WEIGHTS, Location, read_config
from imgcap.inference.pretrained import load
from imgcap.settings import Settings
from tests.conftest import BuildCheckpoint
from tests.disks import as_nobody, full_disk

BF16 = torch.bfloat16
KINDS = [("clip", "float16"), *((kind, "bfloat16") for kind in ("clip", "blip", "siglip", "git"))]

Build = Callable[[str], Path]


@pytest.fixture
def source(checkpoint: BuildCheckpoint, tmp_path: Path) -> Build:
    """Return a function that copies a tiny checkpoint, so that it may be changed."""

    def build(kind: str = "clip") -> Path:
        return shutil.copytree(checkpoint(kind), tmp_path / "source")

    return build


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def in_cache(cache: Path) -> list[Path]:
    """Return the files of weights that a cache holds."""
    return sorted(cache.rglob("*.safetensors"))


def loaded(folder: Path, cache: Path, dtype: str = "bfloat16") -> Any:
    """Load a checkpoint as the engine does, and return its model."""
    writes = read_config(folder)["model_type"] in {"blip", "git"}
    settings = Settings(dtype=dtype, device="cpu", cache=cache)
    role = "captioner" if writes else "classifier"
    return load(folder.name, Location(folder, folder), role, settings).model


@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_weights_are_those_that_a_conversion_while_loading_gives(
    source: Build, cache: Path, kind: str, dtype: str
) -> None:
    folder = source(kind)
    kept = loaded(folder, cache, dtype)
    assert in_cache(cache)
    cache.rename(cache.with_name("elsewhere"))
    cache.write_text("A file, in which nothing can be kept.")
    plain = loaded(folder, cache, dtype)
    wanted = plain.state_dict()
    assert kept.state_dict().keys() == wanted.keys()
    for name, tensor in kept.state_dict().items():
        assert tensor.dtype == wanted[name].dtype, name
        assert torch.equal(tensor, wanted[name]), name
    assert dict(kept.named_buffers()).keys() == dict(plain.named_buffers()).keys()
    for name, tensor in kept.named_buffers():
        assert torch.equal(tensor, plain.get_buffer(name)), name
    if kept.can_generate():
        assert kept.generation_config.to_dict() == plain.generation_config.to_dict()


def test_a_file_in_the_wanted_dtype_is_left_where_it_is(source: Build, cache: Path) -> None:
    folder = source()
    assert converted(folder, torch.float32, cache) == folder
    assert not cache.exists()


def test_every_kind_of_number_keeps_its_value(tmp_path: Path, cache: Path) -> None:
    tensors = {
        "a": torch.arange(3, dtype=torch.uint8),  # an odd length before wider numbers
        "b": torch.randn(5, 3),
        "c": torch.arange(7),
        "d": torch.randn(3, dtype=torch.float64),
        "e": torch.tensor(2.5),
        "f": torch.zeros(0, 4),
        "g": torch.tensor([True, False]),
    }
    folder = tmp_path / "source"
    folder.mkdir()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    found = load_file(converted(folder, BF16, cache) / WEIGHTS)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        wanted = tensor.to(BF16) if tensor.dtype == torch.float32 else tensor
        assert found[name].dtype == wanted.dtype
        assert torch.equal(found[name], wanted)


def test_conversion_happens_once_for_all_processes(source: Build, cache: Path) -> None:
    folder = source()
    loaded(folder, cache)
    [file] = in_cache(cache)
    written = file.stat().st_mtime_ns
    loaded(folder, cache)
    program = (
        "import sys, torch; from pathlib import Path; "
        "from imgcap.inference.converted import converted; "
        "print(converted(Path(sys.argv[1]), torch.bfloat16, Path(sys.argv[2])))"
    )
    words = [sys.executable, "-c", program, str(folder), str(cache)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()) == file.parent
    assert in_cache(cache) == [file]
    assert file.stat().st_mtime_ns == written


def test_processes_that_convert_at_once_find_the_same_whole_file(
    source: Build, cache: Path
) -> None:
    folder = source()
    program = (
        "import sys, torch; from pathlib import Path; "
        "from imgcap.inference.converted import converted; sys.stdin.readline(); "
        "kept = converted(Path(sys.argv[1]), torch.bfloat16, Path(sys.argv[2])); "
        "from safetensors.torch import load_file; load_file(kept / 'model.safetensors')"
    )
    words = [sys.executable, "-c", program, str(folder), str(cache)]
    processes = [subprocess.Popen(words, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        process.communicate(b"\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    [file] = in_cache(cache)
    assert {each.name for each in file.parent.parent.iterdir()} == {file.parent.name}


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone", "of another file"])
def test_damaged_weights_are_made_again(source: Build, cache: Path, damage: str) -> None:
    folder = source()
    wanted = loaded(folder, cache).state_dict()
    wanted = {name: tensor.clone() for name, tensor in wanted.items()}
    [file] = in_cache(cache)
    whole = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(whole[:-100])
    elif damage == "garbage":
        file.write_bytes(b"\xff" * len(whole))
    elif damage == "of another file":
        save_file({"weight": torch.zeros(2, dtype=BF16)}, file)
    found = loaded(folder, cache).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    assert [each.read_bytes() for each in in_cache(cache)] == [whole]


def test_changed_weights_are_converted_anew_and_the_old_go(source: Build, cache: Path) -> None:
    folder = source()
    loaded(folder, cache)
    [before] = in_cache(cache)
    weights = load_file(folder / WEIGHTS)
    weights["visual_projection.weight"] += 1
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    model = loaded(folder, cache)
    assert torch.equal(model.visual_projection.weight, weights["visual_projection.weight"].to(BF16))
    assert in_cache(cache) != [before]
    assert len(in_cache(cache)) == 1


@pytest.mark.parametrize("trouble", ["no folder", "no room", "a full disk"])
def test_a_cache_that_cannot_be_used_is_no_reason_to_fail(
    source: Build, cache: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = source()
    with ExitStack() as stack:
        if trouble == "no folder":
            cache.write_text("A file.")
        elif trouble == "no room":
            monkeypatch.setattr(conversions, "LIMIT", 1000)
        else:
            stack.enter_context(full_disk(room=10_000))
        weights = loaded(folder, cache).visual_projection.weight
    assert torch.equal(weights, load_file(folder / WEIGHTS)["visual_projection.weight"].to(BF16))
    assert not list(cache.glob("*/*"))


def test_a_cache_that_may_only_be_read_is_read() -> None:
    with as_nobody() as home:
        folder = home / "source"
        folder.mkdir()
        save_file({"weight": torch.randn(4, 4)}, folder / WEIGHTS)
        cache = home / "cache"
        kept = converted(folder, BF16, cache)
        assert kept != folder
        kept.parent.chmod(0o500)
        kept.chmod(0o500)
        assert converted(folder, BF16, cache) == kept
        assert converted(folder, torch.float16, cache) == folder
        kept.chmod(0o700)
        kept.parent.chmod(0o700)


def test_shards_are_converted_and_found(checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint("clip"), tmp_path / "source")
    model = transformers.CLIPModel.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="200kB")
    cache = tmp_path / "cache"
    found = loaded(folder, cache).state_dict()
    assert len(in_cache(cache)) > 1
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.dim():
            assert torch.equal(found[name], tensor.to(BF16)), name


def test_discarding_weights_that_are_in_use_leaves_them_to_their_model(
    source: Build, cache: Path
) -> None:
    folder = source()
    model = loaded(folder, cache)
    [file] = in_cache(cache)
    discard(file.parent)
    assert in_cache(cache) == []
    plain = load_file(folder / WEIGHTS)["visual_projection.weight"]
    assert torch.equal(model.visual_projection.weight, plain.to(BF16))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system in its own way")
def test_weights_are_mapped_not_copied(source: Build, cache: Path) -> None:
    model = loaded(source(), cache)
    [file] = in_cache(cache)
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines if line.endswith(str(file))]
    assert spans
    for name, weight in model.named_parameters():
        if weight.dtype == BF16:
            place = weight.data_ptr()
            assert any(int(low, 16) <= place < int(high, 16) for low, high in spans), name
