"""Writes feedback until it is killed: prints each id once its record is acknowledged."""

import sys

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.csv import CsvStore

if __name__ == "__main__":
    path, number, comment = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    store = CsvStore(path)
    for n in range(number):
        record = FeedbackRecord(rating=1 + n % 5, comment=f"{n} of\n“{comment}”" * (1 + n % 300))
        store.append(record)
        sys.stdout.write(f"{record.id}\n")
        sys.stdout.flush()
