"""The crash test: clients step several sessions while the server is killed at random moments and started again.

`python -m tests.durability.crash [KILLS]` runs it at length, on SQLite and on PostgreSQL where that is installed.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.durability.killed_server import KilledServer, Killer
from tests.durability.stepping_client import SteppingClient
from tests.postgresql import Postgres, lacking_server

KILLS = 200
# The longest that a server is left alone after it has become ready: a large step in JSON takes some tenths of a second.
LONGEST_S = 1.0
CLIENTS = {
    "small-json": (10, False),
    "small-raw": (10, True),
    "large-json": (100_000, False),
    "large-raw": (100_000, True),
}


@dataclass(frozen=True, slots=True)
class Crashed:
    """What a run came to."""

    kills: int
    acknowledged: int
    sent: int
    replays: int


def crash(store: tuple[str, ...], kills: int, seed: int = 1) -> Crashed:
    """Kills a server on that store so often. Raises AssertionError where a step is missing, there twice, or wrong."""
    random_moments = random.Random(seed)  # noqa: S311 - moments, not secrets
    server = KilledServer(*store, "--durability", "journal")
    clients = [SteppingClient(server.url, name, size, raw) for name, (size, raw) in CLIENTS.items()]
    failures: list[BaseException] = []

    def run(client: SteppingClient) -> None:
        try:
            client.run()
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
            failures.append(error)

    try:
        server.start()
        for client in clients:
            client.create()
        threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        killer = Killer(server, [random_moments.uniform(0, LONGEST_S) for _ in range(kills)])
        killer.run()
        for client in clients:
            client.stop()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        for client in clients:
            client.verify()
        assert server.terminate() == 0
        server.start()
        for client in clients:
            client.verify()
    finally:
        server.close()
    return Crashed(
        killer.kills,
        sum(client.acknowledged for client in clients),
        sum(client.sent for client in clients),
        sum(client.replays for client in clients),
    )


def main() -> None:
    """Says what came of each store."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as folder:
        _say("SQLite", crash(("--data", str(Path(folder, "data"))), kills))
    lacking = lacking_server()
    if lacking is not None:
        _write(f"PostgreSQL is left out: {lacking[0]} is missing ({lacking[1]})")
        return
    postgres = Postgres()
    try:
        _say("PostgreSQL", crash(("--store", postgres.database()), kills))
    finally:
        postgres.close()


def _say(store: str, crashed: Crashed) -> None:
    _write(
        f"{store}: killed {crashed.kills} times; {crashed.acknowledged} steps acknowledged, none lost, none twice, "
        f"every bit as replayed; {crashed.sent} requests sent, {crashed.replays} answered as replays",
    )


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
