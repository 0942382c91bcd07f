"""The crash test in short: a few kills on each store. `make crash` kills 200 times."""

from pathlib import Path

from tests.durability.crash import crash
from tests.needs import require
from tests.postgresql import Postgres, lacking_server

KILLS = 4


def test_kills_lose_no_step_and_repeat_none_on_sqlite(tmp_path: Path) -> None:
    """Every acknowledged step is there after SIGKILL at random moments, none twice, and every bit is as replayed."""
    crashed = crash(("--data", str(tmp_path / "data")), KILLS)
    assert crashed.kills == KILLS
    assert crashed.acknowledged >= KILLS
    assert crashed.sent > crashed.acknowledged, "no kill met a request"


def test_kills_lose_no_step_and_repeat_none_on_postgresql() -> None:
    """The same on a PostgreSQL server."""
    require(lacking_server())
    postgres = Postgres()
    try:
        crashed = crash(("--store", postgres.database()), KILLS)
    finally:
        postgres.close()
    assert crashed.kills == KILLS
    assert crashed.acknowledged >= KILLS
