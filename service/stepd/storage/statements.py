"""Statements that run for every step: compiled by SQLAlchemy once per database, then given to its driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.dml import UpdateBase


class Statement:
    """One of these. Rows are mappings from the names of its parameters to values that both drivers take as they are."""

    def __init__(self, statement: UpdateBase, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, Sequence[str] | None]] = {}

    def run(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
        """Runs it for each row. Gives how many rows of the table it has touched in all."""
        text, names = self._compiled.get(connection.dialect.name) or self._compile(connection)
        given: list[Any] = list(rows) if names is None else [tuple(row[name] for name in names) for row in rows]
        return connection.exec_driver_sql(text, given).rowcount

    def _compile(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=self._columns)
        self._compiled[connection.dialect.name] = made = (str(compiled), compiled.positiontup)
        return made
