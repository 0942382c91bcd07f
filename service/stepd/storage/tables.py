"""The tables, one definition for SQLite and PostgreSQL.

An incarnation is 64 random bits, so its number alone is the key of steps and snapshots: no tenant and no id in their
rows and indexes. Columns that lists read stand before the vectors: SQLite keeps a row's end on pages of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Double, LargeBinary, SmallInteger, Table, Text

SCHEMA_VERSION = 1

METADATA = sa.MetaData()

# One row: what layout these tables have, and how often the store was opened (see sqlite.py for what that is good for).
STORE = Table(
    "store",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("schema_version", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
)

# Where each session stands. Every write moves or removes its row from exactly what the writer holds.
HEADS = Table(
    "heads",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("incarnation", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("clean", Boolean, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# What a session was in each of its lives, and where the life before it ended.
INCARNATIONS = Table(
    "incarnations",
    METADATA,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("previous", BigInteger),
    Column("previous_step", BigInteger),
    Column("checksum", LargeBinary, nullable=False),
    Column("profile", Text, nullable=False),
    Column("profile_checksum", LargeBinary, nullable=False),
    sa.Index("incarnations_of_session", "tenant", "id"),
    sqlite_with_rowid=False,
)

# Steps as they were asked for. A vector too long for one row lies in `parts`; then its column is null.
STEPS = Table(
    "steps",
    METADATA,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("grad_norm", Double, nullable=False),
    Column("update_norm", Double, nullable=False),
    Column("lr", Double),
    Column("worker", Text),
    Column("key", Text),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("grads_bytes", BigInteger, nullable=False),
    Column("params_bytes", BigInteger),
    Column("vectors_checksum", LargeBinary, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    Column("grads", LargeBinary),
    Column("params", LargeBinary),
)

# Whole states; `vectors` says which roles there are and how many bytes each has in `parts`.
SNAPSHOTS = Table(
    "snapshots",
    METADATA,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("vectors", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("keys", Text, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
)

# Vectors of snapshots, and of steps where they are long, cut so that no row meets a database's limit.
PARTS = Table(
    "parts",
    METADATA,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", SmallInteger, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("checksum", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

OF_STEP, OF_SNAPSHOT = 0, 1  # whom parts belong to
