"""A client's conformance program as a subprocess: commands go in, answers come out, one JSON object a line."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

DEADLINE_S = 30.0
_STDERR_LINES = 12


class ProgramFailed(Exception):
    """The program broke the protocol: no answer in time, no JSON, or an end before its input ended."""


class Program:
    """One running program. After ProgramFailed it is of no use any more: close it, start another."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command = command
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin = self._process.stdin
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_answers, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __call__(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Gives one command and waits for its answer. Raises ProgramFailed."""
        try:
            self._stdin.write(json.dumps(command) + "\n")
            self._stdin.flush()
        except OSError as error:
            raise self._failed(f"it takes no more commands ({error})") from None
        try:
            line = self._answers.get(timeout=DEADLINE_S)
        except queue.Empty:
            raise self._failed(f"no answer to {command['do']} within {DEADLINE_S:g} s") from None
        if line is None:
            raise self._failed(f"it ended instead of answering {command['do']}")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or len({"ok", "error"} & set(answer)) != 1:
            raise self._failed(f"its answer to {command['do']} is no object with ok or error: {line[:200]!r}")
        return answer

    def close(self) -> int | None:
        """Ends its input and waits for its end; a program that does not end then is killed. Gives the exit status."""
        self._stdin.close()
        try:
            status: int | None = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = None
        for reader in self._readers:
            reader.join(DEADLINE_S)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return status

    def kill(self) -> None:
        """Ends it at once, for one that hangs."""
        self._process.kill()
        try:
            self.close()
        except OSError:  # what it had not read yet can't be flushed
            self._process.wait()

    def _read_answers(self, stream: IO[str]) -> None:
        for line in stream:
            self._answers.put(line)
        self._answers.put(None)

    def _read_errors(self, stream: IO[str]) -> None:
        for line in stream:
            self._said = [*self._said[1 - _STDERR_LINES :], line.rstrip()]

    def _failed(self, reason: str) -> ProgramFailed:
        said = "".join(f"\n    {line}" for line in self._said)
        return ProgramFailed(f"the program {self._command[-1]}: {reason}{'; it said:' + said if said else ''}")
