"""What a captioner learns from corrected captions: a style that it does not write in by itself.

The style is a rule, upper-level words: a boy is a person, a dog is an animal. Feedback and tests
come from a part of Flickr8k on which the captioner was not trained (it said when to stop).
"""

import argparse
import csv
import io
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.learning_common import parser
from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from imgcap.learning.captions.cider import CiderD, token_f1, words
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.fitting import taught
from imgcap.learning.captions.writer import Writer, open_writer
from imgcap.learning.groups import FOLDS
from imgcap.learning.intervals import Gain, gain_of
from imgcap.settings import Settings

Way = Literal["edited", "written anew"]

WAYS: Final[tuple[Way, ...]] = ("edited", "written anew")
_DRAWN_FROM: Final = 300
_UPPER: Final = {
    "person": "man woman boy girl child baby toddler guy lady kid player skier surfer",
    "people": "men women boys girls children babies toddlers guys ladies kids players couple",
    "animal": "dog puppy cat horse bird cow",
    "animals": "dogs puppies cats horses birds cows",
    "vehicle": "car bike bicycle motorcycle truck skateboard scooter",
    "garment": "shirt jacket dress hat coat sweater shorts pants jeans uniform",
    "ground": "grass field snow sand dirt beach street road sidewalk",
}
_NAMES: Final = {each: upper for upper, names in _UPPER.items() for each in names.split()}


@dataclass(frozen=True)
class Row:
    """One line of the table; all are means over test pictures and draws, gains are in CIDEr."""

    way: Way
    corrections: int
    tested: int
    cider_before: float
    cider_after: float
    f1_before: float
    f1_after: float
    gain: Gain


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures, what people wrote of them, and what the captioner writes by itself."""

    names: Sequence[str]
    encoded: Mapping[str, Tensor]
    captions: Mapping[str, Sequence[str]]
    written: Mapping[str, str]


def main() -> None:
    """Measure, print the table and write a JSON file."""
    arguments = _options().parse_args()
    machine()
    writer = open_writer(Settings())
    pictures = _read(arguments, writer)
    rows = list(_rows(pictures, writer, arguments))
    about = (
        "The embedded captioner; people either edit the caption that it wrote, or write one anew, "
        f"in upper-level words. Held out are {arguments.tested} pictures, each with five captions "
        f"rewritten by the same rule; feedback was drawn {arguments.draws} times."
    )
    figures = {"draws": arguments.draws, "rows": [asdict(row) for row in rows]}
    publish(
        Report("What captions gain from feedback", [about], [_table(rows)], figures), arguments.json
    )


def _options() -> argparse.ArgumentParser:
    reads = "a .tar with captions.csv, such as flickr8k.tar"
    options = parser("caption_learning", __doc__, draws=3, data=reads)
    options.add_argument("--corrections", nargs="+", type=int, default=[10, 30, 100])
    options.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    options.add_argument("--tested", type=int, default=200, help="pictures that are held out")
    options.add_argument("--cache", type=Path, help="a file that keeps the encoded pictures")
    return options


def upper_level(caption: str) -> str:
    """Rewrite a caption in upper-level words."""
    text = " ".join(_NAMES.get(word, word) for word in words(caption))
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def _read(arguments: argparse.Namespace, writer: Writer) -> Pictures:
    """Encode as many pictures as are tested and drawn from."""
    captions: dict[str, list[str]] = defaultdict(list)
    folder = arguments.data.stem
    with tarfile.open(arguments.data) as archive:
        table = archive.extractfile(f"{folder}/captions.csv")
        if table is None:
            raise FileNotFoundError(f"{arguments.data} has no {folder}/captions.csv.")
        for row in csv.DictReader(io.TextIOWrapper(table, "utf-8")):
            if row["split"] == "dev":
                captions[row["file_name"]].append(row["caption"])
        wanted = arguments.tested + _DRAWN_FROM
        names = np.random.default_rng(0).permutation(sorted(captions))[:wanted].tolist()
        cache = arguments.cache
        encoded = load_file(cache) if cache and cache.is_file() else {}
        for name in names:
            if name not in encoded:
                image = Image.open(archive.extractfile(f"{folder}/{name}")).convert("RGB")
                [encoded[name]] = writer.encode([image])
    if cache:
        save_file({name: each.contiguous() for name, each in encoded.items()}, cache)
    written = writer.write([encoded[name] for name in names])
    return Pictures(names, encoded, captions, dict(zip(names, written, strict=True)))


def _rows(pictures: Pictures, writer: Writer, arguments: argparse.Namespace) -> Iterator[Row]:
    tested, others = pictures.names[: arguments.tested], pictures.names[arguments.tested :]
    references = {
        name: [words(upper_level(each)) for each in pictures.captions[name]] for name in tested
    }
    cider = CiderD(references)

    def scores(captions: Sequence[str]) -> np.ndarray:
        pairs = zip(tested, map(words, captions), strict=True)
        return np.array(
            [
                (cider.score(said, name), max(token_f1(said, each) for each in references[name]))
                for name, said in pairs
            ]
        )

    before = scores([pictures.written[name] for name in tested])
    for way in arguments.ways:
        for number in arguments.corrections:
            after = []
            for seed in range(arguments.draws):
                drawn = np.random.default_rng(seed).permutation(others)[:number].tolist()
                captions = _taught_captions(pictures, drawn, tested, way, writer)
                after.append(scores(captions))
            now = np.concatenate(after)
            was = np.tile(before, (arguments.draws, 1))
            gain = gain_of(list(tested) * arguments.draws, now[:, 0] - was[:, 0])
            means = np.stack([was.mean(0), now.mean(0)], 1).ravel().tolist()
            yield Row(way, number, len(tested), *means, gain)


def _taught_captions(
    pictures: Pictures, drawn: Sequence[str], tested: Sequence[str], way: Way, writer: Writer
) -> list[str]:
    """Return what is written after corrections; one part of them says when to stop."""
    said = [
        pictures.written[name] if way == "edited" else pictures.captions[name][0] for name in drawn
    ]
    count = len(drawn)
    examples = CaptionExamples(
        [pictures.encoded[name] for name in drawn],
        tuple(map(upper_level, said)),
        np.ones(count, bool),
        np.arange(count),
        np.arange(count) % FOLDS,
        tuple(uuid4() for _ in drawn),
    )
    checking = examples.folds == 0
    with taught(writer, examples.only(~checking), examples.only(checking)) as adapter:
        epochs = max(1, adapter.epochs)
    with taught(writer, examples, epochs=epochs):
        return writer.write([pictures.encoded[name] for name in tested])


def _table(rows: Sequence[Row]) -> Table:
    columns = ("feedback", "corrections", "CIDEr before", "after", "gain (95 %)")
    columns += ("token F1 before", "after")
    return Table(
        "",
        columns,
        [
            (
                *(row.way, row.corrections),
                *(f"{row.cider_before:.3f}", f"{row.cider_after:.3f}"),
                f"{row.gain.mean:+.3f} ({row.gain.low:+.3f} to {row.gain.high:+.3f})",
                *(f"{100 * row.f1_before:.1f} %", f"{100 * row.f1_after:.1f} %"),
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
