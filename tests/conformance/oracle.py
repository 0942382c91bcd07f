"""What the numbers of a case must be, from exact arithmetic: a model of sessions that shares no code with the service.

It follows a case action by action. Steps are those of tools/make_golden.py, in exact rationals (tests/exact.py), which
reproduce the published golden values. It knows nothing of HTTP: only who changed what, from which state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import prod
from typing import Any

from tests.conformance import values
from tests.conformance.cases import Case
from tests.exact import FORMATS
from tools.make_golden import HYPER, RULES, step

Numbers = dict[str, tuple[list[int], list[float]]]  # by name, "" for the unnamed tensor: shape and values

# Those of the paper and of torch; make_golden's ordinary cases use them.
DEFAULTS = {name: variants["ordinary"] for name, variants in HYPER.items()}


def read(written: dict[str, Any], dtype: str | None = None) -> Numbers:
    """The values of a case file, rounded to the dtype of the session that takes them."""
    tensors = written["hex"] if isinstance(written["hex"], dict) else {"": written["hex"]}
    to = dtype or values.dtype_of(written)
    return {
        name: (values.shape_of(nested), [values.to_dtype(float.fromhex(one), to) for one in values.leaves(nested)])
        for name, nested in tensors.items()
    }


def write(numbers: Numbers, dtype: str) -> dict[str, Any]:
    """As case files have them."""

    def tensors(leaf: Any) -> Any:
        written = {name: values.nest(map(leaf, flat), shape) for name, (shape, flat) in numbers.items()}
        return written.get("", written)

    given = {"decimal": tensors(lambda value: values.decimal_of(value, dtype)), "hex": tensors(values.hex_of)}
    return given if dtype == "float64" else {"dtype": dtype, **given}


@dataclass
class Run:
    """A session of the model. `version` changes with every change, as the ETag does."""

    hyper: dict[str, Any]
    dtype: str
    params: Numbers | None
    slots: dict[str, Numbers] = field(default_factory=dict)
    step: int = 0
    version: int = 0

    def take_step(self, grads: Numbers, params: Numbers | None, lr: float | None) -> None:
        held = params if params is not None else self.params
        assert held is not None
        if not self.slots:
            self.slots = zero_slots(self.hyper, held)
        hyper = self.hyper if lr is None else {**self.hyper, "lr": lr}
        new: Numbers = {}
        for name, (shape, flat) in held.items():
            before = {slot: tensors[name][1] for slot, tensors in self.slots.items()}
            after, state = step(FORMATS[self.dtype], hyper, grads[name][1], flat, before)
            new[name] = (shape, after)
            for slot, changed in state.items():
                self.slots[slot][name] = (shape, changed)
        self.params, self.step = new, self.step + 1


def zero_slots(hyper: dict[str, Any], like: Numbers) -> dict[str, Numbers]:
    return {
        slot: {name: (shape, [0.0] * len(flat)) for name, (shape, flat) in like.items()}
        for slot in RULES[hyper["name"]][1]
    }


@dataclass
class Held:
    """A session object of the client: the state that it last heard of, and the names in the caller's order."""

    id: str
    version: int = -1
    order: list[str] = field(default_factory=list)


@dataclass
class Expected:
    """What an action's answer must hold; None where the model does not tell."""

    params: Numbers | None = None
    state: dict[str, Numbers] | None = None
    step: int | None = None
    dtype: str = "float64"


class Oracle:
    """Follows one case."""

    def __init__(self) -> None:
        self._versions = count()
        self._sessions: dict[str, Run] = {}
        self._objects: dict[str, Held] = {}
        self._checkpoints: dict[str, Run] = {}
        self._files: dict[str, Run] = {}

    def follow(self, case: Case) -> Iterator[tuple[dict[str, Any], Expected]]:
        """Each action that must succeed, with what it must give."""
        for action in case.actions:
            if "other" in action:
                self._other(action)
                continue
            network = action.get("network", [])
            succeeds = "fails" not in action
            if succeeds or any(_carried_out_unseen(entry) for entry in network):
                self._change(action)
            for entry in network:
                for other in entry.get("meanwhile", []):
                    self._other(other)
            if succeeds:
                yield action, self._result(action)

    def _other(self, action: dict[str, Any]) -> None:
        match action["other"]:
            case "create":
                self._create(action["id"], action)
            case "write":
                self._files[action["path"]] = _run_of(action["checkpoint"])
            case "delete" | "await_expiry":
                del self._sessions[action["id"]]
            case "step" | "reset" | "put_params" as verb:
                held = Held(action["id"], self._sessions[action["id"]].version)
                self._apply(verb, self._sessions[action["id"]], held, action)

    def _create(self, session_id: str, action: dict[str, Any]) -> None:
        optimizer = action.get("optimizer", {"name": "adadelta"})
        dtype = action.get("dtype", "float64")
        params = read(action["params"], dtype) if "params" in action else None
        if "shape" in action:
            shapes = action["shape"] if isinstance(action["shape"], dict) else {"": action["shape"]}
            params = {name: (shape, [0.0] * prod(shape)) for name, shape in shapes.items()}
        self._sessions[session_id] = Run(
            {**DEFAULTS[optimizer["name"]], **optimizer}, dtype, params, version=next(self._versions)
        )

    def _change(self, action: dict[str, Any]) -> None:
        """What reached the service, whatever the client then heard of it."""
        match action["do"]:
            case "connect":
                self._objects.clear()
                self._checkpoints.clear()
            case "open":
                session_id = action.get("id", f"made for {action['as']}")
                if session_id not in self._sessions:
                    self._create(session_id, action)
            case "fork":
                self._fork(action)
            case "restore_as":
                checkpoint = self._checkpoints[action["checkpoint"]]
                self._sessions[action["id"]] = _copied(checkpoint, next(self._versions))
            case "delete" | "delete_id":
                self._sessions.pop(action.get("id") or self._objects[action["on"]].id, None)
            case "save":
                self._files[action["path"]] = self._checkpoints[action["checkpoint"]]
            case "step" | "reset" | "put_params" | "restore" as verb:
                held = self._objects[action["on"]]
                run = self._sessions.get(held.id)
                if run is not None:
                    self._apply(verb, run, held, action)

    def _fork(self, action: dict[str, Any]) -> None:
        session_id = action.get("id", f"made for {action['as']}")
        if session_id not in self._sessions:
            forked = _copied(self._sessions[self._objects[action["on"]].id], next(self._versions))
            forked.hyper = {**forked.hyper, **action.get("optimizer", {})}
            self._sessions[session_id] = forked

    def _apply(self, verb: str, run: Run, held: Held, action: dict[str, Any]) -> None:
        if held.version != run.version:  # If-Match
            return
        given = {role: read(action[role], run.dtype) for role in ("params", "grads") if role in action}
        match verb:
            case "step":
                run.take_step(given["grads"], given.get("params"), action.get("lr"))
            case "put_params":
                run.params = given["params"]
            case "reset":
                run.slots, run.step = {}, 0
            case "restore":
                checkpoint = _copied(self._checkpoints[action["checkpoint"]], 0)
                run.params, run.slots, run.step = checkpoint.params, checkpoint.slots, checkpoint.step
        run.version = next(self._versions)

    def _result(self, action: dict[str, Any]) -> Expected:
        do = action["do"]
        if do == "step_once":
            return _step_once(action)
        if do in {"state", "load"}:
            run = self._files[action["path"]] if do == "load" else self._sessions[self._objects[action["on"]].id]
            self._checkpoints[action["keep"]] = kept = _copied(run, 0)
            kept.params = self._in_order(run, self._objects.get(action.get("on", "")))
            if not kept.slots and kept.params is not None:
                kept.slots = zero_slots(kept.hyper, kept.params)
            return Expected(kept.params, kept.slots, kept.step, kept.dtype)
        if do in {"open", "restore_as"}:
            session_id = action.get("id", f"made for {action['as']}")
            restored = self._checkpoints[action["checkpoint"]].params if do == "restore_as" else None
            self._objects[action["as"]] = Held(session_id, order=list(restored or ()))
        if do == "fork":
            session_id = action.get("id", f"made for {action['as']}")
            self._objects[action["as"]] = Held(session_id, order=list(self._objects[action["on"]].order))
        held = self._objects.get(action["as"] if do == "fork" else action.get("on") or action.get("as", ""))
        if held is None or held.id not in self._sessions or do == "describe":
            return Expected()
        run = self._sessions[held.id]
        given = action.get("grads") or action.get("params")
        if given and isinstance(given["hex"], dict):
            held.order = list(given["hex"])
        if do == "view":
            return Expected() if held.version != run.version else self._seen(run, held, action)
        held.version = run.version
        return self._seen(run, held, action)

    def _seen(self, run: Run, held: Held, action: dict[str, Any]) -> Expected:
        if run.params is None or action.get("return_params") is False:
            return Expected(None, None, run.step, run.dtype)
        return Expected(self._in_order(run, held), None, run.step, run.dtype)

    @staticmethod
    def _in_order(run: Run, held: Held | None) -> Numbers | None:
        """Names in the order in which the caller last gave them; in code-point order where it gave none."""
        if run.params is None or held is None:
            return run.params
        order = held.order if set(held.order) == set(run.params) else sorted(run.params)
        return {name: run.params[name] for name in order}


def _carried_out_unseen(entry: dict[str, Any]) -> bool:
    """Whether the service gets this request, and the client does not get what the service answers."""
    answer = entry.get("answer", "given")
    made = isinstance(answer, dict) and "changed" not in answer
    return bool(entry.get("forward", not made)) and answer != "given"


def _run_of(checkpoint: dict[str, Any]) -> Run:
    optimizer, dtype = checkpoint["optimizer"], checkpoint["dtype"]
    slots = {slot: read(held, dtype) for slot, held in checkpoint["state"].items()}
    hyper = {**DEFAULTS[optimizer["name"]], **optimizer}
    return Run(hyper, dtype, read(checkpoint["params"], dtype), slots, checkpoint["step"])


def _copied(run: Run, version: int) -> Run:
    slots = {slot: dict(tensors) for slot, tensors in run.slots.items()}
    return Run(run.hyper, run.dtype, run.params, slots, run.step, version)


def _step_once(action: dict[str, Any]) -> Expected:
    dtype, optimizer = action.get("dtype", "float64"), action["optimizer"]
    run = Run({**DEFAULTS[optimizer["name"]], **optimizer}, dtype, read(action["params"], dtype))
    run.slots = {slot: read(held, dtype) for slot, held in action.get("state", {}).items()}
    run.take_step(read(action["grads"], dtype), None, None)
    return Expected(run.params, run.slots, None, dtype)
