"""Any sequence of requests to an engine, against a plain model: the same bits, tags, keys and refusals after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stepd.engine import local
from stepd.engine.contract import ANY_STATE, Creation, Preconditions, Restoration, StepRequest
from stepd.engine.local import LocalEngine
from stepd.errors import StepdError
from stepd.optimizers import resolve
from stepd.optimizers.drivers import Drivers
from stepd.values import DTYPES, Checkpoint, SessionKey
from tests.engine.engines import see, see_all
from tests.engine.model import KEYS_PER_SESSION, Given, Life, Model
from tests.sessions.runs import LARGEST, values

NAMES = st.sampled_from(["a", "b"])
OPTIMIZERS = st.sampled_from(
    [{"name": "adadelta"}, {"name": "adadelta", "rho": 0.5, "lr": 0.3}, {"name": "sgd", "momentum": 0.9, "lr": 0.1}]
)
DTYPE = st.sampled_from(["float64", "float32"])
NUMBERS = st.sampled_from([0.0, -0.0, 0.5, -1.25, 3.0, 1e-30])
KEYS = st.sampled_from([None, None, "k1", "k2", "k3", "k4", "k5"])
FITS = st.sampled_from([None, None, "current", "any", "list", "stale", "weak"])


def given_values(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Given]:
    """A vector of two most of the time, else of three, or named ones: what fits one session may not fit another."""
    pair, three = st.lists(numbers, min_size=2, max_size=2), st.lists(numbers, min_size=3, max_size=3)
    return st.one_of(pair, pair, pair, three, st.fixed_dictionaries({"w": pair, "b": numbers}))


PARAMS = given_values(NUMBERS)
GRADS = st.one_of(PARAMS, PARAMS, given_values(st.sampled_from([1.0, LARGEST, -LARGEST])))


class Requests(RuleBasedStateMachine):
    """One caller, two ids, every verb; what several callers do at once is for other tests."""

    @initialize(in_threads=st.booleans())
    def start(self, in_threads: bool) -> None:
        """Large vectors go through threads: a threshold of 1 sends all of them there, one of 100 none."""
        self.usual, local.THREAD_SIZE = local.THREAD_SIZE, 1 if in_threads else 100
        self.loop = asyncio.new_event_loop()
        self.engine = LocalEngine(Drivers(), capacity_bytes=10**7, keys_per_session=KEYS_PER_SESSION, threads=1)
        self.model = Model()
        self.tags: dict[str, str] = {}
        self.incarnations: set[str] = set()
        self.saved: list[tuple[Life, Checkpoint]] = []

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.engine.close())
            self.loop.close()
            local.THREAD_SIZE = self.usual

    def both(self, ours: Callable[[], Coroutine[Any, Any, Any]], models: Callable[[], Any]) -> tuple[Any, Any] | None:
        """What engine and model say: results, or None where both refuse for the same reason."""
        wanted: Any
        result: Any
        try:
            wanted = models()
        except StepdError as error:
            wanted = error
        try:
            result = self.loop.run_until_complete(ours())
        except StepdError as error:
            result = error
        if isinstance(wanted, StepdError) or isinstance(result, StepdError):
            assert type(result) is type(wanted), f"{result!r}, the model says {wanted!r}"
            return None
        return result, wanted

    def fitting(self, name: str, fits: str | None) -> tuple[Preconditions, bool | None]:
        """If-Match, and whether it lets a change through."""
        tag = self.tags.get(name)
        tags = {
            "current": {tag or "none-0"},
            "any": {"*"},
            "list": {"other-1", tag or "none-0"},
            "stale": {"aaaaaaaaaaaaa-0"},
            "weak": set[str](),
        }
        if fits is None:
            return ANY_STATE, None
        return Preconditions(frozenset(tags[fits])), tag is not None and fits in ("current", "any", "list")

    @rule(name=NAMES, optimizer=OPTIMIZERS, dtype=DTYPE, params=st.one_of(st.none(), PARAMS))
    def create(self, name: str, optimizer: dict[str, Any], dtype: str, params: Given | None) -> None:
        kind = DTYPES[dtype]
        given = None if params is None else values(params, dtype)
        creation = Creation(resolve(optimizer, kind), kind, *((given.tensors, given.flat) if given else ()))
        said = self.both(
            lambda: self.engine.create(SessionKey("default", name), creation),
            lambda: self.model.create(name, optimizer, dtype, params),
        )
        assert said is None or said[0][1] == said[1]

    @rule(name=NAMES, grads=GRADS, params=st.one_of(st.none(), st.none(), PARAMS),
          lr=st.sampled_from([None, None, 0.25]), key=KEYS, fits=FITS)  # fmt: skip
    def step(
        self, name: str, grads: Given, params: Given | None, lr: float | None, key: str | None, fits: str | None
    ) -> None:
        dtype = self.model.lives[name].dtype if name in self.model.lives else "float64"
        if dtype == "float32" and LARGEST in map(abs, flat(grads)):
            return  # the wire refuses what float32 can't hold
        conditions, fit = self.fitting(name, fits)
        request = StepRequest(
            values(grads, dtype), None if params is None else values(params, dtype), lr, key, conditions
        )
        said = self.both(
            lambda: self.engine.step(SessionKey("default", name), request, see),
            lambda: self.model.step(name, grads, params, lr, key, fit),
        )
        if said is not None:
            answer, wanted = said
            life = self.model.lives[name]
            assert (answer.applied_step, answer.replayed) == wanted
            assert answer.encoded == (life.step, life.vectors()[0])
            assert answer.step == life.step
            assert answer.tag.endswith(f"-{life.step}")

    @rule(name=NAMES, params=PARAMS, fits=FITS)
    def put_params(self, name: str, params: Given, fits: str | None) -> None:
        dtype = self.model.lives[name].dtype if name in self.model.lives else "float64"
        conditions, fit = self.fitting(name, fits)
        self.both(
            lambda: self.engine.put_params(SessionKey("default", name), values(params, dtype), conditions),
            lambda: self.model.put_params(name, params, fit),
        )

    @rule(name=NAMES, fits=FITS)
    def reset(self, name: str, fits: str | None) -> None:
        conditions, fit = self.fitting(name, fits)
        self.both(
            lambda: self.engine.reset(SessionKey("default", name), conditions), lambda: self.model.reset(name, fit)
        )

    @rule(name=NAMES, fits=st.one_of(st.just("stale"), st.just("current"), st.none()))
    def delete(self, name: str, fits: str | None) -> None:
        conditions, fit = self.fitting(name, fits)
        self.both(
            lambda: self.engine.delete(SessionKey("default", name), conditions), lambda: self.model.delete(name, fit)
        )

    @rule(name=NAMES)
    def save(self, name: str) -> None:
        life = self.model.lives.get(name)
        if life is not None and life.params is not None:
            read = self.loop.run_until_complete(
                self.engine.checkpoint(SessionKey("default", name), lambda checkpoint: checkpoint)
            )
            assert read.encoded is not None
            self.saved.append((life.copy(), read.encoded))

    @rule(name=NAMES, data=st.data(), fits=FITS, digest=st.booleans())
    def restore(self, name: str, data: st.DataObject, fits: str | None, digest: bool) -> None:
        if not self.saved:
            return
        life, checkpoint = data.draw(st.sampled_from(self.saved))
        optimizer = resolve(life.optimizer, DTYPES[life.dtype])
        restoration = Restoration(optimizer, checkpoint, checkpoint.digest if digest else None)
        conditions, fit = self.fitting(name, fits)
        said = self.both(
            lambda: self.engine.restore(SessionKey("default", name), restoration, conditions),
            lambda: self.model.restore(name, life, fit),
        )
        assert said is None or said[0][1] == said[1]

    @invariant()
    def the_same_bits_tags_and_keys(self) -> None:
        """Every session of the model is there, and no other, with all its bits and keys."""
        if not hasattr(self, "engine"):
            return
        for name in ("a", "b"):
            session = self.engine.table.find(SessionKey("default", name), 0.0)
            life = self.model.lives.get(name)
            assert (session is None) == (life is None)
            if session is None or life is None:
                self.tags.pop(name, None)
                continue
            assert session.state.step == life.step
            assert list(session.keys.records) == list(life.keys)
            assert [record.step for record in session.keys.records.values()] == [
                step for _, step, _ in life.keys.values()
            ]
            if life.params is None:
                assert session.state.params is None
            else:
                assert see_all(session.checkpoint()) == (life.step, life.vectors())
            self.known_incarnation(life, session.state.incarnation)
            self.tags[name] = session.state.tag
        assert len(self.engine._turns) == 0

    def known_incarnation(self, life: Life, incarnation: str) -> None:
        """Each life of the model has one incarnation of its own."""
        self.by_life = getattr(self, "by_life", {})
        assert self.by_life.setdefault(life.incarnation, incarnation) == incarnation
        assert len(set(self.by_life.values())) == len(self.by_life)

    @invariant()
    def bytes_are_exact(self) -> None:
        """The table counts what the sessions take, after refusals too."""
        if hasattr(self, "engine"):
            counted = sum(session.nbytes for session in self.engine.table._sessions.values())
            assert self.engine.table.used_bytes == counted


def flat(given: Given) -> list[float]:
    if isinstance(given, dict):
        return [number for part in given.values() for number in flat(part)]
    return [number for part in given for number in flat(part)] if isinstance(given, list) else [given]


TestEngine = Requests.TestCase
TestEngine.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
