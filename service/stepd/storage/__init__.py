"""Keeping sessions beyond the process: journal and snapshots in SQLite or PostgreSQL."""
