"""Lets processes write feedback at once and kills them at random, as a machine in trouble would.

Run with the address of a store, a folder, how many processes and for how many seconds. Each writer
notes in a file of its own in the folder, a line a record, what was acknowledged; one that was
killed is followed by another, that goes on after the last line. How many were killed is printed.
"""

import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from imgcap.feedback import FeedbackRecord, open_store_at

AT_ONCE = 20
"""How many records a writer may have stored that it has not noted."""
_START = datetime(2026, 5, 1, tzinfo=UTC)


def record_number(number: int, writer: int) -> FeedbackRecord:
    """Return the record that this writer stores as its `number`-th."""
    chance = random.Random(f"{writer}/{number}")  # noqa: S311  # no secret
    said = f'{writer}/{number}: “=1”, \n"two"\r\n' * chance.choice((1, 1, 1, 20, 2_000))
    return FeedbackRecord(
        id=uuid5(NAMESPACE_OID, f"{writer}/{number}"),
        time=_START + timedelta(seconds=number),
        rating=1 + number % 5,
        comment=said,
        session=str(writer),
    )


def noted(folder: Path, writer: int) -> int:
    """Return how many records of this writer were acknowledged."""
    notes = folder / f"{writer}.txt"
    return notes.read_bytes().count(b"\n") if notes.exists() else 0


def _write(address: str, folder: Path, writer: int) -> None:
    store, chance = open_store_at(address), random.Random()  # noqa: S311  # no secret
    number = noted(folder, writer)
    notes = os.open(folder / f"{writer}.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        records = [record_number(number + n, writer) for n in range(chance.choice((1, 1, AT_ONCE)))]
        if len(records) == 1:
            store.append(records[0])
        else:
            store.extend(records)
        os.write(notes, b".\n" * len(records))
        number += len(records)


def _main(address: str, folder: Path, writers: int, seconds: float) -> int:
    open_store_at(address)  # loads its libraries once: killed early, no writer would have any
    chance, fork = random.Random(), get_context("fork")  # noqa: S311  # no secret

    def start(writer: int) -> BaseProcess:
        process = fork.Process(target=_write, args=(address, folder, writer))
        process.start()
        return process

    running, killed = [start(writer) for writer in range(writers)], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.05, 0.3))
        writer = chance.randrange(writers)
        if not running[writer].is_alive():
            break  # what it says is on the standard error
        running[writer].kill()
        running[writer].join()
        running[writer], killed = start(writer), killed + 1
    failed = [process.exitcode for process in running if not process.is_alive()]
    for process in running:
        process.kill()
        process.join()
    sys.stdout.write(f"{killed + writers}\n")
    return len(failed)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
