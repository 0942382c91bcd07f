"""Run as a program: takes steps of two sessions until it is killed, and says each that is acknowledged."""

from __future__ import annotations

import sys

from stepd.storage.store import open_store
from tests.storage.sessions import begin

if __name__ == "__main__":
    store = open_store(sys.argv[1])
    writers = [begin(store, name) for name in ("one", "two")]
    while True:
        assert store.commit([writer.step() for writer in writers]) == [True, True]
        sys.stdout.write(f"{writers[0].at.step}\n")
        sys.stdout.flush()
