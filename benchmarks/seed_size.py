"""Folders like those of the two seed models at full size, with random weights.

How long an answer takes does not depend on the weights' values. A process of its own builds them,
so that neither its memory nor its torch is in what is measured.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VARIABLE: Final = "BENCHMARKS_SEED_SIZE"
"""Environment variable of a folder that keeps them, for measurements one after the other."""

_ROOT: Final = Path(__file__).parent.parent


@contextmanager
def seed_size() -> Iterator[tuple[Path, Path]]:
    """Yield the folders of CLIP and BLIP, building them if they are not there yet."""
    if kept := os.environ.get(VARIABLE):
        yield _pair(Path(kept))
    else:
        with tempfile.TemporaryDirectory(prefix="seed-size-") as folder:
            yield _pair(Path(folder))


def _pair(folder: Path) -> tuple[Path, Path]:
    done = folder / "done"
    if not done.exists():
        print("building CLIP and BLIP at full size", file=sys.stderr, flush=True)
        subprocess.run(  # noqa: S603  # ours
            [sys.executable, "-m", __name__, folder], check=True, cwd=_ROOT
        )
        done.touch()
    return folder / "clip", folder / "blip"


def main() -> None:
    """Build both in the folder that the command line names."""
    from transformers.utils import logging

    from tests.seed_models import build_blip, build_clip

    logging.disable_progress_bar()
    folder = Path(sys.argv[1])
    build_clip(folder / "clip", tiny=False)
    build_blip(folder / "blip", tiny=False)


if __name__ == "__main__":
    main()
