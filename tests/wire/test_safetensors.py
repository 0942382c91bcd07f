"""safetensors: what is written opens in the library's own reader, and what any writer wrote is read as JSON is."""

import json
import os
import sys
import tracemalloc
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from stepd.errors import MalformedSafetensors
from stepd.values import DTYPES, Tensors, Values
from stepd.wire import safetensors as wire
from stepd.wire.arrays import decode_values
from tests.wire.documents import assert_same, named, unnamed
from tests.wire.tensorfiles import body_of, entry, made, read_checkpoint, read_step

each_dtype = pytest.mark.parametrize("dtype", DTYPES)
PARAMS = unnamed([[1.0, -0.0], [5e-324, 4.0]])
NAMED = named({"w": [[1.0, 2.0], [3.0, 4.0]], "b": -0.5, "ä😀": [7.0]})
METADATA = {"optimizer": '{"name":"adadelta","lr":1.0}', "step": "42", "incarnation": "abc", "digest": "sha-256:00"}


def decoded(document: dict[str, Any], role: str, wanted: Values) -> Values:
    return decode_values(document[role], (role,), wanted.tensors.dtype, expected=wanted.tensors, max_tensors=0)


@each_dtype
def test_the_library_opens_what_is_written(tmp_path: Path, dtype: str) -> None:
    """As a file: names, shapes, dtype, bits and metadata; with names and without."""
    params, weights = unnamed([[1.0, -0.0], [0.1, 4.0]], dtype), named({"w": [[1, 2]], "b": 3.5}, dtype)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(wire.dumps({"params": params, "square_avg": weights}, METADATA))
    loaded = safetensors.numpy.load_file(path)
    assert loaded.keys() == {"params", "square_avg/b", "square_avg/w"}
    for name, wanted in (
        ("params", params.flat.reshape(2, 2)),
        ("square_avg/w", np.array([[1, 2]])),
        ("square_avg/b", np.array(3.5)),
    ):
        assert loaded[name].dtype == DTYPES[dtype]
        assert loaded[name].shape == wanted.shape
        assert loaded[name].tobytes() == wanted.astype(DTYPES[dtype]).tobytes()
    with safe_open(path, "numpy") as opened:
        assert opened.metadata() == METADATA
    assert safetensors.numpy.load(path.read_bytes()).keys() == loaded.keys()


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is installed by `make bench` alone")
@each_dtype
def test_torch_opens_what_is_written(tmp_path: Path, dtype: str) -> None:
    """As a file by safetensors.torch: names, shapes, dtypes and bits."""
    load_file = import_module("safetensors.torch").load_file
    params, weights = unnamed([[1.0, -0.0], [0.1, 4.0]], dtype), named({"w": [[1, 2]], "b": 3.5}, dtype)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(wire.dumps({"params": params, "square_avg": weights}, METADATA))
    loaded = {name: tensor.numpy() for name, tensor in load_file(path).items()}
    expected = safetensors.numpy.load_file(path)
    assert loaded.keys() == expected.keys()
    for name, tensor in loaded.items():
        assert (tensor.dtype, tensor.shape) == (expected[name].dtype, expected[name].shape)
        assert tensor.tobytes() == expected[name].tobytes()


@pytest.mark.parametrize("values", [PARAMS, NAMED], ids=["unnamed", "named"])
def test_what_is_written_is_read(values: Values) -> None:
    """Every bit of every role, by the session's tensors and without knowing them."""
    slots = {
        name: Values(values.tensors, values.flat * factor) for name, factor in (("square_avg", 3), ("acc_delta", 7))
    }
    document = read_checkpoint(wire.dumps({"params": values, **slots}, METADATA))
    assert document.keys() == {"params", "state", "optimizer", "step", "digest", "dtype"}
    assert_same(decoded(document, "params", values), values)
    new = decode_values(document["params"], ("params",), values.tensors.dtype, expected=None, max_tensors=9)
    assert_same(new, values)
    for name, slot in slots.items():
        assert_same(decoded(document["state"], name, slot), slot)


def test_other_byte_orders_are_written_little_endian() -> None:
    """Whatever the machine's own order is."""
    swapped = Values(PARAMS.tensors, PARAMS.flat.astype(">f8"))
    assert wire.dumps({"params": swapped}, {}) == wire.dumps({"params": PARAMS}, {})


@pytest.mark.parametrize("values", [PARAMS, NAMED], ids=["unnamed", "named"])
@pytest.mark.parametrize("padded", [True, False], ids=["aligned", "unaligned"])
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
def test_any_order_and_alignment_is_read(values: Values, padded: bool, backwards: bool) -> None:
    """Tensors are found by name, wherever they lie."""
    names = ["grads"] if values.tensors.names is None else [f"grads/{name}" for name in values.tensors.names]
    arrays = list(zip(names, values.tensors.views(values.flat), strict=True))
    body = body_of(dict(reversed(arrays) if backwards else arrays), padded=padded)
    read = decoded(read_step(body), "grads", values)
    assert_same(read, values)
    assert read.flat.flags.aligned


def test_the_document_is_the_one_of_json() -> None:
    """Roles, slots, metadata and names stand where JSON has them, with arrays for lists."""
    metadata = {"optimizer": '{"name":"sgd"}', "labels": '{"run":"7"}', "step": "3", "ttl_s": "1.5", "digest": "d",
                "incarnation": "left out", "format": "pt"}  # fmt: skip
    document = read_checkpoint(body_of({"params/w": np.array([1.0]), "momentum_buffer/w": np.array([2.0])}, metadata))
    assert json.loads(json.dumps(document, default=np.ndarray.tolist)) == {
        "optimizer": {"name": "sgd"},
        "labels": {"run": "7"},
        "step": 3,
        "ttl_s": 1.5,
        "digest": "d",
        "dtype": "float64",
        "params": {"w": [1.0]},
        "state": {"momentum_buffer": {"w": [2.0]}},
    }
    assert type(document["step"]) is int


def test_a_session_of_a_known_dtype_is_told_nothing_of_it() -> None:
    """A step's document has the tensors and nothing else."""
    document = read_step(body_of({"grads": np.zeros(2, "f4"), "params": np.ones(2, "f4")}), "float32")
    assert document.keys() == {"grads", "params"}


def test_a_body_without_tensors_has_no_roles() -> None:
    """What is missing is judged where it is missed."""
    assert read_step(body_of({})) == {}
    assert read_checkpoint(body_of({}, {"step": "1"})) == {"step": 1}


def test_metadata_may_be_null() -> None:
    """As the library lets it."""
    assert read_step(made({"__metadata__": None, "grads": entry([1], 0)}, bytes(8)))["grads"] == [0.0]


SHAPES = st.lists(st.integers(1, 4), max_size=8).map(tuple)
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name and name.isprintable())


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, SHAPES, min_size=1, max_size=5), st.randoms(use_true_random=False), st.data())
@each_dtype
def test_any_tensors_come_back(
    dtype: str, shapes: dict[str, tuple[int, ...]], random: Any, data: st.DataObject
) -> None:
    """Any names and shapes, in any order of lying, of any finite bits; as the library itself reads them."""
    tensors = Tensors.named(shapes, DTYPES[dtype])
    bits = random.randbytes(tensors.nbytes)
    flat = np.frombuffer(bits, DTYPES[dtype])
    values = Values(tensors, np.where(np.isfinite(flat), flat, flat.dtype.type(1)))
    assert_same(decoded(read_step(wire.dumps({"grads": values}, {}), dtype), "grads", values), values)
    views = dict(zip((f"grads/{name}" for name in tensors.names or ()), tensors.views(values.flat), strict=True))
    shuffled = {name: views[name] for name in data.draw(st.permutations(list(views)))}
    assert_same(decoded(read_step(body_of(shuffled), dtype), "grads", values), values)
    assert_same(decoded(read_step(safetensors.numpy.save(shuffled), dtype), "grads", values), values)


LARGE = {
    "one": unnamed(np.arange(2.0**17)),
    "many, in order": named({f"{i:03}": np.arange(2.0**10) + i for i in range(128)}),
}


@pytest.mark.parametrize("kind", LARGE)
def test_large_vectors_are_not_copied_on_the_way_in_and_once_on_the_way_out(kind: str) -> None:
    """They stay in the body, one after another; beside them little is needed."""
    values = LARGE[kind]
    body = bytearray(wire.dumps({"grads": values}, {}))
    expected = len(values.tensors.shapes)
    tracemalloc.start()
    document = wire.parse(body, vectors=("grads",), state=False, dtype=DTYPES["float64"], expected=expected)
    read = decoded(document, "grads", values)
    assert tracemalloc.get_traced_memory()[1] < len(body) / 5
    assert wire.dumps({"grads": read}, {}) == body
    assert tracemalloc.get_traced_memory()[1] < 1.2 * len(body)
    tracemalloc.stop()
    assert np.shares_memory(read.flat, np.frombuffer(body, np.uint8))
    assert_same(read, values)


@pytest.mark.parametrize("small", [True, False])
def test_where_no_file_can_be_opened_the_body_is_judged_all_the_same(
    small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a descriptor left the library is shown the body itself."""

    def none_left(name: str) -> int:
        raise OSError(24, "Too many open files", name)

    monkeypatch.setattr(wire.os, "memfd_create", none_left)
    values = PARAMS if small else LARGE["one"]
    assert_same(decoded(read_step(wire.dumps({"grads": values}, {})), "grads", values), values)


def test_a_header_is_judged_without_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large body the library is given a file in which the values take no room; it is closed in any case."""
    body = wire.dumps({"grads": LARGE["one"]}, {})
    close = os.close
    closed = []

    def spied(descriptor: int) -> None:
        about = os.fstat(descriptor)
        closed.append((about.st_size, about.st_blocks * 512 <= 2**16))
        close(descriptor)

    monkeypatch.setattr(wire.os, "close", spied)
    read_step(body)
    with pytest.raises(MalformedSafetensors):
        read_step(body + b"x")
    assert closed == ([(len(body), True), (len(body) + 1, True)] if sys.platform == "linux" else [])
