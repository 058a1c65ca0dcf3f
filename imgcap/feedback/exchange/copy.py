"""Copy feedback from one store to another, and make sure that it arrived."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from imgcap.feedback.exchange.plain import to_json
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Query, Store

_MOST_RECORDS: Final = 500
_MOST_TEXT: Final = 2**23
_ID, _ENTRY = 16, 16 + 32  # bytes
_MODULUS: Final = 2**256


@dataclass(frozen=True)
class Copied:
    """What a copy did.

    Parameters
    ----------
    count : int
        How many records the source has, all of which the target has now.
    new : int
        How many of them the target did not have before.
    checksum : str
        Of all of them in any order, hexadecimal: the sum of the SHA-256 of each, modulo 2**256.
    unreadable : tuple of str
        One sentence for each row of the source that cannot be read and was left out.
    """

    count: int
    new: int
    checksum: str
    unreadable: tuple[str, ...] = ()


def copy(
    source: Store,
    target: Store,
    progress: Callable[[int, int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Copied:
    """Copy every record, oldest first, then fetch each from the target and compare.

    A copy that was stopped may be done again: what is there already is not stored twice. Memory
    grows by 48 bytes a record.

    Parameters
    ----------
    source, target : Store
        Two stores on different places, see `same_place`. The source is only read; one that other
        programs write to meanwhile gives the records that it had at the start.
    progress : callable, optional
        Told how many steps are done, of how many: two a record, to copy and to compare it.
    cancel : callable, optional
        Asked between batches; True ends the copy with a `FeedbackError`.

    Raises
    ------
    FeedbackError
        If a store cannot be used, or the target holds something else under the same id.
    """
    if source is target:
        raise FeedbackError("A store cannot be copied to itself.")
    summary = source.summary()
    done = new = 0

    def step(records: int) -> None:
        nonlocal done
        done += records
        if progress:
            progress(done, max(done, 2 * summary.count))
        if cancel and cancel():
            raise FeedbackError("The copy was stopped; do it again to go on where it ended.")

    copied: list[bytes] = []
    for records, entries in _batches(source):
        new += target.extend(records)
        copied.append(entries)
        step(len(records))
    differing: list[UUID] = []
    for entries in copied:
        differing += _differing(entries, target)
        step(len(entries) // _ENTRY)
    if differing:
        raise _difference(differing, source, target)
    total = sum(int.from_bytes(digest) for entries in copied for _, digest in _split(entries))
    count = sum(map(len, copied)) // _ENTRY
    return Copied(count, new, f"{total % _MODULUS:064x}", summary.unreadable)


def same_place(one: str, other: str) -> bool:
    """Whether two addresses, such as `open_store_at` takes, lead to the same store.

    Copying a store to itself by two addresses that are not seen to be the same, such as two names
    of a server, changes nothing.
    """
    return _place(one) == _place(other)


def _batches(source: Store) -> Iterator[tuple[list[FeedbackRecord], bytes]]:
    """Yield records, bounded in number and text, with an entry each: its id and SHA-256."""
    records: list[FeedbackRecord] = []
    entries: list[bytes] = []
    text = 0
    for record in source.iterate(Query(descending=False)):
        plain = to_json(record).encode()
        records.append(record)
        entries.append(record.id.bytes + hashlib.sha256(plain).digest())
        text += len(plain)
        if len(records) == _MOST_RECORDS or text > _MOST_TEXT:
            yield records, b"".join(entries)
            records, entries, text = [], [], 0
    if records:
        yield records, b"".join(entries)


def _split(entries: bytes) -> Iterator[tuple[UUID, bytes]]:
    for at in range(0, len(entries), _ENTRY):
        yield UUID(bytes=entries[at : at + _ID]), entries[at + _ID : at + _ENTRY]


def _differing(entries: bytes, target: Store) -> list[UUID]:
    """Return the ids under which the target has nothing, or something else."""
    copied = dict(_split(entries))
    arrived = {
        record.id: hashlib.sha256(to_json(record).encode()).digest()
        for record in target.get(copied.keys())
    }
    return [each for each, digest in copied.items() if arrived.get(each) != digest]


def _difference(differing: list[UUID], source: Store, target: Store) -> FeedbackError:
    first = differing[0]
    one, other = (
        next((dict(record) for record in store.get([first]) if record.id == first), None)
        for store in (source, target)
    )
    if other is None:
        what = "is missing"
    else:
        names = [name for name, value in (one or {}).items() if other[name] != value]
        what = f"has another {', '.join(names).replace('_', ' ')}"
    return FeedbackError(
        f"{len(differing):,} of the records are not the same in the target; "
        f"the first, {first}, {what} there."
    )


def _place(address: str) -> tuple[object, ...]:
    scheme, _, rest = address.partition(":")
    if scheme == "csv":
        return scheme, Path(rest).expanduser().resolve()
    if scheme.partition("+")[0] == "sqlite":
        path = rest.partition("?")[0].removeprefix("///")
        return "sqlite", Path(path).resolve()
    parts = urlsplit(address)
    return scheme.partition("+")[0], parts.netloc.rpartition("@")[2].lower(), parts.path
