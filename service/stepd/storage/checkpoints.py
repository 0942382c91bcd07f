"""Copying SQLite's WAL into its file, in a thread of its own: nobody's step waits for it but where it falls behind."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

# So many new bytes are copied. A WAL begins anew only when all of it is copied, and commits go on while the thread
# copies: from so many bytes on a commit itself copies the little that the thread has left. By measurement, see
# docs/decisions/0012.
COPY_BYTES = 32 * 2**20
RESTART_BYTES = 64 * 2**20

log = structlog.get_logger("stepd.storage")


class Checkpoints:
    """The thread, and the count of bytes that it is woken by."""

    def __init__(self, engine: Engine, page_bytes: int) -> None:
        self._engine = engine
        self._page_bytes = page_bytes
        self._state = threading.Condition()
        self._pending = 0
        self._is_long = False
        self._closing = False
        self._copying = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="stepd-checkpoints", daemon=True)
        self._thread.start()

    def wrote(self, nbytes: int) -> None:
        """Counts bytes that a commit has put into the WAL. Called without the write lock held."""
        with self._state:
            before = self._pending
            self._pending += nbytes
            if before < COPY_BYTES <= self._pending:
                self._state.notify_all()
            is_long, self._is_long = self._is_long or self._pending >= RESTART_BYTES, False
        if is_long:
            self._copy(between_commits=True)

    def close(self) -> None:
        """Ends the thread; a copy under way is finished first."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._closing or self._pending >= COPY_BYTES)
                if self._closing:
                    return
            self._copy()

    def _copy(self, *, between_commits: bool = False) -> None:
        """Copies what the WAL holds now; what readers still need stays for the next time."""
        with self._copying:
            with self._state:
                counted = self._pending
            try:
                with self._engine.connect() as connection:
                    _, held, copied = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
            except SQLAlchemyError as error:
                # Nothing is lost: the WAL keeps it all, and a commit says what is wrong with the disk.
                log.warning("the write-ahead log could not be copied", error=str(error.args[0]))
                held = copied = 0
            left = max(0, held - copied) * self._page_bytes
            with self._state:
                self._pending = max(0, self._pending - counted) + min(left, COPY_BYTES // 2)
                self._is_long = held * self._page_bytes >= RESTART_BYTES and not between_commits
