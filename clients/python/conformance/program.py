"""The conformance program of the Python clients: docs/writing-a-client.md says what it reads and answers.

    python -m clients.python.conformance.program [sync | async | local]

It does with the client what each command says, tells what came of it, and judges nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from clients.python.conformance.bits import from_bits, to_bits

from stepd_client import (
    AsyncClient,
    Checkpoint,
    Client,
    ProblemError,
    RetryPolicy,
    SessionExists,
    SessionInfo,
    Stale,
    StepdError,
    UnexpectedAnswer,
)

# Members of commands whose names mean something in Python.
RENAMED = {"as": "as_", "id": "session_id"}


async def settled(value: Any) -> Any:
    """What the client gave, awaited where it is one that is awaited: one program serves both kinds."""
    return await value if inspect.isawaitable(value) else value


class Program:
    """The clients, session objects and checkpoints that commands have made, and one method per command."""

    def __init__(self, connect: Callable[..., Any]) -> None:
        self._connect = connect
        self._client: Any = None
        self._sessions: dict[str, Any] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self.commands: dict[str, Callable[..., Awaitable[Any]]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    async def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carries one command out."""
        arguments = {name: value for name, value in command.items() if name != "do"}
        try:
            return {"ok": await self.commands[command["do"]](**arguments)}
        except StepdError as error:
            return {"error": described(error)}
        except (TypeError, ValueError) as error:
            return {"error": {"type": "not-sent", "detail": str(error)}}

    async def close(self) -> None:
        """Closes the last client's connections."""
        if self._client is not None:
            await settled(self._client.close())

    async def do_connect(
        self, url: str, attempts: int | None = None, timeout_s: float | None = None, waits: bool = False, **given: Any
    ) -> dict[str, Any]:
        await self.close()
        if attempts is not None:
            given["retry"] = RetryPolicy(attempts=attempts)
        if timeout_s is not None:
            given["timeout_s"] = timeout_s
        self._client = self._connect(url, waits, **given)
        self._sessions.clear()
        self._checkpoints.clear()
        return {}

    async def do_open(
        self,
        as_: str,
        session_id: str | None = None,
        params: Any = None,
        shape: Any = None,
        **given: Any,
    ) -> dict[str, Any]:
        if params is not None:
            given["params"] = from_bits(params)
        session = await settled(self._client.session(session_id, shape=shape, **given))
        return self._keep(as_, session)

    async def do_view(self, on: str) -> dict[str, Any]:
        return self._view(self._sessions[on])

    async def do_step(self, on: str, grads: Any, params: Any = None, **given: Any) -> dict[str, Any]:
        session = self._sessions[on]
        if params is not None:
            given["params"] = from_bits(params)
        stepped = await settled(session.step(from_bits(grads), **given))
        return self._view(session) | {"params": to_bits(stepped, session.dtype.name)}

    async def do_fetch_params(self, on: str) -> dict[str, Any]:
        session = self._sessions[on]
        fetched = await settled(session.fetch_params())
        return self._view(session) | {"params": to_bits(fetched, session.dtype.name)}

    async def do_wait_for_step(self, on: str, step: int, **given: Any) -> dict[str, Any]:
        session = self._sessions[on]
        found = await settled(session.wait_for_step(step, **given))
        return self._view(session) | {"params": to_bits(found, session.dtype.name)}

    async def do_put_params(self, on: str, params: Any) -> dict[str, Any]:
        await settled(self._sessions[on].put_params(from_bits(params)))
        return self._view(self._sessions[on])

    async def do_reset(self, on: str) -> dict[str, Any]:
        await settled(self._sessions[on].reset())
        return self._view(self._sessions[on])

    async def do_state(self, on: str, keep: str) -> dict[str, Any]:
        return self._keep_checkpoint(keep, await settled(self._sessions[on].state()))

    async def do_restore(self, on: str, checkpoint: str) -> dict[str, Any]:
        await settled(self._sessions[on].restore(self._checkpoints[checkpoint]))
        return self._view(self._sessions[on])

    async def do_restore_as(self, as_: str, session_id: str, checkpoint: str, **given: Any) -> dict[str, Any]:
        return self._keep(as_, await settled(self._client.restore(session_id, self._checkpoints[checkpoint], **given)))

    async def do_fork(self, on: str, as_: str, session_id: str | None = None, **given: Any) -> dict[str, Any]:
        return self._keep(as_, await settled(self._sessions[on].fork(session_id, **given)))

    async def do_save(self, checkpoint: str, path: str) -> dict[str, Any]:
        self._checkpoints[checkpoint].save(Path(path))
        return {}

    async def do_load(self, keep: str, path: str) -> dict[str, Any]:
        return self._keep_checkpoint(keep, Checkpoint.load(Path(path)))

    async def do_describe(self, on: str) -> dict[str, Any]:
        return described_session(await settled(self._sessions[on].describe()))

    async def do_delete(self, on: str) -> dict[str, Any]:
        await settled(self._sessions[on].delete())
        return {}

    async def do_delete_id(self, session_id: str) -> dict[str, Any]:
        await settled(self._client.delete(session_id))
        return {}

    async def do_list(self, labels: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        found = self._client.sessions(label=labels, **given)
        infos = [info async for info in found] if hasattr(found, "__aiter__") else list(found)
        return {"ids": [info.id for info in infos]}

    async def do_step_once(
        self, optimizer: dict[str, Any], params: Any, grads: Any, state: Any = None, dtype: str | None = None
    ) -> dict[str, Any]:
        slots = None if state is None else {slot: from_bits(values) for slot, values in state.items()}
        new_params, new_state = await settled(
            self._client.step_once(optimizer, from_bits(params), from_bits(grads), slots, dtype)
        )
        some = next(iter(new_params.values())) if isinstance(new_params, dict) else new_params
        return {
            "params": to_bits(new_params, some.dtype.name),
            "state": {slot: to_bits(values, some.dtype.name) for slot, values in new_state.items()},
        }

    async def do_optimizers(self) -> dict[str, Any]:
        return dict(await settled(self._client.optimizers()))

    async def do_info(self) -> dict[str, Any]:
        return dict(await settled(self._client.info()))

    def _keep(self, name: str, session: Any) -> dict[str, Any]:
        self._sessions[name] = session
        return self._view(session)

    def _keep_checkpoint(self, name: str, checkpoint: Checkpoint) -> dict[str, Any]:
        self._checkpoints[name] = checkpoint
        return {
            "optimizer": dict(checkpoint.optimizer),
            "dtype": checkpoint.dtype,
            "step": checkpoint.step,
            "params": to_bits(checkpoint.params, checkpoint.dtype),
            "state": {slot: to_bits(values, checkpoint.dtype) for slot, values in checkpoint.state.items()},
            "digest": checkpoint.digest,
        }

    @staticmethod
    def _view(session: Any) -> dict[str, Any]:
        return {
            "id": session.id,
            "step": session.step_number,
            "etag": session.etag,
            "dtype": session.dtype.name,
            "shape": listed(session.shape),
            "params": to_bits(session.params, session.dtype.name),
        }


def listed(shape: Any) -> Any:
    """A shape, or a shape per name, as lists."""
    if shape is None:
        return None
    return {name: list(one) for name, one in shape.items()} if isinstance(shape, dict) else list(shape)


def described_session(info: SessionInfo) -> dict[str, Any]:
    """The session's document, as the service writes it."""
    given = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
    return given | {"dtype": info.dtype.name, "shape": listed(info.shape)}


def described(error: StepdError) -> dict[str, Any]:
    """The error as it reaches the caller: its class, and what it knows."""
    kind = type(error)
    known = getattr(kind, "known_code", "")
    members: dict[str, Any] = {
        "type": known or re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower(),
        "maybe_applied": error.maybe_applied,
    }
    if isinstance(error, UnexpectedAnswer):
        members["status"] = error.status
    if isinstance(error, ProblemError):
        members |= {name: getattr(error, name) for name in ("code", "status", "detail", "request_id", "etag", "step")}
        members |= {"pointers": [place.pointer for place in error.errors], "retry_after_s": error.retry_after_s}
    if isinstance(error, SessionExists):
        members["fields"] = list(error.fields)
    if isinstance(error, Stale):
        members["resent"] = error.resent
    return members


def connect_sync(url: str, waits: bool, **given: Any) -> Client:
    """A Client; one that waits for nothing between attempts unless it is told to wait."""
    return Client(url, **given) if waits else Client(url, sleep=lambda _: None, **given)


async def nothing(_: float) -> None:
    """Waits for nothing, awaited."""


def connect_async(url: str, waits: bool, **given: Any) -> AsyncClient:
    """An AsyncClient, likewise."""
    return AsyncClient(url, **given) if waits else AsyncClient(url, sleep=nothing, **given)


def connect_local(url: str, waits: bool, **given: Any) -> Client:
    """A client of a service of its own, in this process: there is no address, and nothing to wait for."""
    del url, waits
    return Client.local(**given)


async def main(connect: Callable[..., Any]) -> None:
    """Answers every line of the input, in order."""
    program = Program(connect)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = {RENAMED.get(name, name): value for name, value in json.loads(line).items()}
        answer = await program.answer(command)
        sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")
        sys.stdout.flush()
    await program.close()


KINDS: dict[str, Callable[..., Any]] = {"sync": connect_sync, "async": connect_async, "local": connect_local}

if __name__ == "__main__":
    asyncio.run(main(KINDS[sys.argv[1] if len(sys.argv) > 1 else "sync"]))
