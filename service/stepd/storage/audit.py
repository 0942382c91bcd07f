"""What can be wrong with a store beside the rows of its sessions: rows that are nobody's, a file that is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from stepd.storage.tables import HEADS, INCARNATIONS, PARTS, SNAPSHOTS, STEPS


def audit(connection: Connection) -> Iterator[str]:
    """A line for each thing that is wrong."""
    if connection.dialect.name == "sqlite":
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(10)"):
            if line != "ok":
                yield f"the file is damaged: {line}"
    known = sa.select(INCARNATIONS.c.incarnation)
    for table in (STEPS, SNAPSHOTS, PARTS):
        query = sa.select(sa.func.count()).select_from(table).where(table.c.incarnation.not_in(known))
        strays = connection.execute(query).scalar()
        if strays:
            yield f"{strays} rows of {table.name} are of no session"
    of_session = (HEADS.c.tenant == INCARNATIONS.c.tenant) & (HEADS.c.id == INCARNATIONS.c.id)
    lost = ~sa.exists().where(of_session)
    strays = connection.execute(sa.select(sa.func.count()).select_from(INCARNATIONS).where(lost)).scalar()
    if strays:
        yield f"{strays} rows of incarnations are of no session"
