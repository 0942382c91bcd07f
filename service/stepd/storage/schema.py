"""Making the tables where there are none, and refusing those of another layout."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from stepd.errors import StorageUnavailable
from stepd.storage.tables import METADATA, SCHEMA_VERSION, STORE

_NAME = "stepd"


def require_schema(connection: Connection) -> None:
    """Tables of this version are there afterwards. Raises StorageUnavailable where they are of another."""
    if sa.inspect(connection).has_table(STORE.name):
        version = connection.execute(sa.select(STORE.c.schema_version)).scalar()
        if version != SCHEMA_VERSION:
            raise StorageUnavailable(
                f"the store has layout {version}, this stepd reads {SCHEMA_VERSION}: use the version that wrote it"
            )
        return
    METADATA.create_all(connection)
    connection.execute(sa.insert(STORE).values(name=_NAME, schema_version=SCHEMA_VERSION, opened=0))
