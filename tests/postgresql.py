"""A PostgreSQL server of the tests' own: a new cluster in a temporary folder, on a free port, ended with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.needs import require

INSTALL = "apt install postgresql"
USER = "postgres"


def lacking_server() -> tuple[str, str] | None:
    """What is missing for a server, and what installs it; None where nothing is."""
    return ("PostgreSQL's initdb and pg_ctl", INSTALL) if _programs() is None else None


def _programs() -> Path | None:
    """The folder of the server's programs: Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Postgres:
    """The running server; `database()` makes an empty database and gives its address."""

    def __init__(self) -> None:
        require(lacking_server())
        programs = _programs()
        assert programs is not None
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="stepd-postgresql-"))
        self._databases = 0
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam(USER)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-sync", self._data)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "start", "--wait", "-D", self._data, "-l", str(self._folder / "log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `immediate` as in a crash."""
        self._run("pg_ctl", "stop", "--wait", "-D", self._data, "-m", mode)

    def database(self) -> str:
        """The address of a new and empty database."""
        self._databases += 1
        name = f"stepd_{self._databases}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # the name is ours
        return self.address(name)

    def address(self, database: str) -> str:
        """Where a database of this server is."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """Stops the server and removes all that it wrote."""
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        user = USER if os.geteuid() == 0 else None
        subprocess.run(
            [self._programs / program, *arguments],
            check=True,
            user=user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
