"""`imgcap serve` in a Ray cluster that somebody else has started."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.ports import free_port

BIN = Path(sys.executable).parent
PICTURE = Path(__file__).parent.parent / "data" / "samples" / "cat.jpg"

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who joins a cluster brings its token, as Ray's documentation says."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a-token-of-this-test-and-of-nothing-else")


@pytest.fixture
def cluster() -> Iterator[str]:
    """A cluster of one machine that knows nothing of others on it."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="ray-")  # a socket's path may not be as long as pytest's are
    command = [BIN / "ray", "start", "--head", "--block", f"--port={port}", "--num-cpus=3"]
    command += ["--include-dashboard=false"]
    command += [f"--object-store-memory={2**27}", "--disable-usage-stats"]
    head = psutil.Popen(
        command,
        env=os.environ | {"RAY_TMPDIR": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    family: list[psutil.Process] = []
    try:
        for line in head.stdout:
            if "Ray runtime started" in line:
                break
        yield f"127.0.0.1:{port}"
        assert head.poll() is None, "the cluster has ended"
    finally:
        family = [head, *head.children(recursive=True)]
        head.terminate()
        _, alive = psutil.wait_procs(family, timeout=20)
        for each in alive:
            each.kill()
        shutil.rmtree(folder, ignore_errors=True)


def serve(cluster: str, port: int, log: Path, **settings: str) -> psutil.Popen:
    with log.open("wb") as output:
        return psutil.Popen(
            [BIN / "imgcap", "serve", f"--port={port}", f"--cluster={cluster}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | settings,
            start_new_session=True,
        )


def test_it_comes_into_a_cluster_and_leaves_it_as_it_was(cluster: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    greedy = serve(cluster, free_port(), log, IMGCAP_SERVE_CPUS="4")
    assert greedy.wait(60) == 1
    assert "needs 8 CPUs for its processes, but Ray has 3" in log.read_text()
    for _ in range(2):  # nothing of the first is in the second's way
        port = free_port()
        process = serve(cluster, port, log)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while f"Serving at {address}" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with PICTURE.open("rb") as file:
            answer = httpx.post(f"{address}/v1/caption", files={"picture": file}, timeout=60)
        assert answer.status_code == 200
        assert "cat" in answer.json()["captions"][0]["text"]
        process.terminate()
        assert process.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health")


def describe(out: Path, *options: str, **variables: str | None) -> str:
    """Describe all samples on one core, and return what was said."""
    env = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    run = subprocess.run(
        [BIN / "imgcap", "describe", PICTURE.parent, f"--out={out}", *options],
        env={name: value for name, value in env.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stderr


def test_a_folder_is_described_in_a_cluster(cluster: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert "8 pictures" in describe(here)
    assert "8 pictures" in describe(there, "--ray", RAY_ADDRESS=cluster)
    assert there.read_bytes() == here.read_bytes()


def test_who_brings_no_token_is_told_of_it(cluster: str, tmp_path: Path) -> None:
    said = describe(tmp_path / "table.csv", "--ray", RAY_ADDRESS=cluster, RAY_AUTH_MODE=None)
    assert said.count("\n") == 1
    assert "it may want a token: set RAY_AUTH_MODE=token" in said
    assert not (tmp_path / "table.csv").exists()
