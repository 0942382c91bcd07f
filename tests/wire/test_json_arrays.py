"""Long arrays are decoded without an object for each number, and nobody can tell: same values, same refusals."""

import json as standard
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepd.errors import StepdError
from stepd.values import DTYPES, Tensors
from stepd.wire import json, json_arrays
from stepd.wire.arrays import decode_values
from tests.needs import require_module

MANY = settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
FOUR = Tensors.unnamed((4,), DTYPES["float64"])
each_library = pytest.mark.parametrize("library", ["simdjson", "orjson"])


def use(library: str, patch: pytest.MonkeyPatch, **settings: int) -> None:
    """What makes the numbers: the extra, or what is always there. And from where on, and how far at a time."""
    module = None
    if library == "simdjson":
        if sys.version_info >= (3, 14) and not find_spec("simdjson"):
            pytest.skip("pysimdjson has no wheel for this Python")
        module = require_module("simdjson", "pip install 'stepd[fast]'")
    patch.setattr(json_arrays, "_simdjson", module)
    for name, value in settings.items():
        patch.setattr(json_arrays, name, value)


NUMBERS = ["0", "1", "-7", "1.5", "-0", "-0.0", "1e5", "1E+5", "-2.5e-3", "0.1", "5e-324", "1e-400", "-1e-400",
           "9007199254740993", "9007199254740993.0", "18446744073709551615", "-9223372036854775808",
           "18446744073709551616", "9" * 300, "1.797693134862315807e308", "3.5e38", "-1e300", "0." + "1234567890" * 90,
           "0.1000000000000000055511151231257827021181583404541015625"]  # fmt: skip
OTHERS = ["NaN", "-Infinity", "1e400", "9" * 400, "true", "false", "null", '"1"', '"a,b]"', "{}", '{"a":[1]}', "[1]",
          "[]", "01", "1.", ".5", "+1", "-", "1e", "", " ", "1 2", "0x1", "é", "\x00", "\ufeff", "[", "]", "{", "}",
          ":", '"', "\\"]  # fmt: skip
BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t \r\n"])


@st.composite
def arrays(draw: st.DrawFn) -> str:
    """The text of an array, mostly of numbers alone."""
    items = draw(st.lists(st.sampled_from(NUMBERS), max_size=8))
    if draw(st.integers(0, 5)) == 0:
        items.insert(draw(st.integers(0, len(items))), draw(st.sampled_from(OTHERS)))
    blank = draw(BLANKS)
    return "[" + f"{blank},{draw(BLANKS)}".join(items) + blank + "]"


BODIES = [
    '{"grads":%s}', '{"params":%s,"grads":%s}', ' { "grads" : %s , "params" :\n%s } ',
    '{"grads":{"w":%s,"b":%s}}', '{"params":{"b":1.5,"w":%s},"grads":{"b":[2],"w":%s}}',
    '{"optimizer":{"name":"adadelta","rho":0.5},"params":%s,"state":{"square_avg":%s,"acc_delta":{"w":%s}},"step":3}',
    # where there are no vectors, or only one of two counts
    '{"grads":%s,"grads":%s}', '{"grads":%s,"grads":null}', '{"grads":{"w":%s,"w":%s}}', '{"state":%s,"params":%s}',
    '{"x":%s,"params":%s}', '{"optimizer":{"rho":%s},"params":%s}', '{"labels":{"a":%s},"params":%s}', "%s",
    '[{"a":%s}]',
    '{"params":{"a":{"b":%s}}}', '{"state":{"a":{"b":{"c":%s}}},"grads":%s}', '{"params":[%s,%s]}',
    '{"params":[%s],"grads":%s}',
    '{"params":{"":%s,"a/b":%s}}', '{"shape":%s,"params":%s}',
    # within strings, and where it looks as if
    '{"labels":{"a":"%s"},"params":%s}', '{"a":":%s","params":%s}', '{"a":"x\\":%s","params":%s}',
    '{"a":"x:\\%s,"params":%s}',
    '{"a":"\\\\":%s,"params":%s}', '{"gr\\u0061ds":%s}', '{":[1,2,3]":1,"params":%s}', '{"a\\":":%s,"params":%s}',
    # no JSON
    '\ufeff{"grads":%s}', '{"grads":%s} x', '{"grads":%s,}', '{"grads":%s', '{"grads":%s}}', '{"grads"%s}',
    "{grads:%s}",
    '{"grads":%s "params":%s}', '{"grads":%s,%s}', '{"grads":[%s}', '{"grads":%s]}', "{'grads':%s}",
    '{"grads"::%s}',
]  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies with arrays in every place, of which some are broken anywhere."""
    form = draw(st.sampled_from(BODIES))
    body = (form % tuple(draw(arrays()) for _ in range(form.count("%s")))).encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(start + 3, len(body))))
        piece = draw(st.sampled_from([*OTHERS, *NUMBERS[:8], ","])).encode()
        body = body[:start] + draw(st.sampled_from([piece, b"\xff", b"\xed\xa0\x80"])) + body[end:]
    return body


def read(body: bytes) -> Any:
    """Everything that comes of a body: the document, and its vectors in either dtype, or how it is refused."""
    try:
        document = json.parse(body)
    except StepdError as error:
        return refusal(error)
    found = [plain(document)]
    if isinstance(document, dict):
        state = document.get("state")
        places = [((role,), document.get(role)) for role in ("params", "grads")]
        places += [(("state", slot), state[slot]) for slot in state] if isinstance(state, dict) else []
        for place, values in places:
            for dtype, expected in ((DTYPES["float64"], None), (DTYPES["float32"], None), (FOUR.dtype, FOUR)):
                try:
                    read_values = decode_values(values, place, dtype, expected=expected, max_tensors=2)
                    found.append((read_values.tensors, read_values.flat.dtype, read_values.flat.tobytes()))
                except StepdError as error:
                    found.append(refusal(error))
    return found


def refusal(error: StepdError) -> Any:
    return type(error), error.detail, error.errors


def plain(item: Any) -> Any:
    """A document with vectors as bytes, and so lists of numbers."""
    if isinstance(item, dict):
        return [(name, plain(inner)) for name, inner in item.items()]
    if isinstance(item, np.ndarray):
        assert item.dtype == np.float64
        return item.tobytes()
    if isinstance(item, list) and item and {*map(type, item)} <= {int, float}:
        return np.array(item, np.float64).tobytes()
    return [plain(inner) for inner in item] if isinstance(item, list) else (type(item), item)


@each_library
@MANY
@given(body=bodies(), chunk=st.sampled_from([0, 1, 6, 64 * 1024]))
def test_both_ways_read_and_refuse_alike(library: str, body: bytes, chunk: int) -> None:
    """Values to the bit; class, detail and pointers of a refusal; wherever the text is cut."""
    with pytest.MonkeyPatch.context() as patch:
        use(library, patch, SHORTEST=10**9)
        wanted = read(body)
        use(library, patch, SHORTEST=1, CHUNK=chunk)
        assert read(body) == wanted
        assert read(bytearray(body)) == wanted


@each_library
@pytest.mark.parametrize("item", [*NUMBERS, *OTHERS])
def test_each_kind_of_item_in_each_place(library: str, item: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """First, between, last and alone; at each place where the text may be cut."""
    for items in ([item, "2"], ["1", item, "3"], ["1", item], [item]):
        body = f'{{"params":[1,2],"grads":[{",".join(items)}]}}'.encode()
        use(library, monkeypatch, SHORTEST=10**9)
        wanted = read(body)
        for chunk in (0, 2, 5, 100):
            use(library, monkeypatch, SHORTEST=1, CHUNK=chunk)
            assert read(body) == wanted


QUICK: list[tuple[str, list[str]]] = [
    ('{"grads":[1,2]}', ["grads"]),
    (' { "params" : [ 1 , 2 ] , "grads" : [ 3 , -0.0 ] } ', ["params", "grads"]),
    ('{"gr\\u0061ds":[1,2]}', ["grads"]),
    ('{"grads":{"w":[1,2],"b":0.5}}', ["grads/w"]),
    ('{"step":1,"params":[1,2],"state":{"a":[1,2],"b":{"w":[3,4]}},"labels":{"x":"[1]"}}',
     ["params", "state/a", "state/b/w"]),
]  # fmt: skip


@each_library
@pytest.mark.parametrize(("text", "places"), QUICK)
def test_where_vectors_are_looked_for(
    library: str, text: str, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In params, grads and the slots of state, with names and without."""
    use(library, monkeypatch, SHORTEST=1)
    document = json_arrays.parse(text.encode())
    found = []
    for name, item in document.items():
        inner = {name: item}
        while inner:
            path, given_item = inner.popitem()
            if isinstance(given_item, dict):
                inner |= {f"{path}/{key}": value for key, value in given_item.items()}
            elif isinstance(given_item, np.ndarray):
                found.append(path)
    assert sorted(found) == sorted(places)


@pytest.mark.parametrize(
    "text",
    ['{"shape":[1,2],"params":[3,4]}', '{"x":[1,2]}', '{"optimizer":{"rho":[1,2]},"params":[3,4]}', '{"state":[1,2]}',
     '{"labels":{"a":[1,2]}}', '{"params":{"a":{"b":[1,2]}}}', '{"params":[[1,2],[3,4]]}', "[1,2]"],
)  # fmt: skip
def test_elsewhere_lists_stay_lists(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a list of something else, or refuses it, is given one."""
    use("orjson", monkeypatch, SHORTEST=1)
    assert json_arrays.parse(text.encode()) is None
    assert json.parse(text.encode()) == standard.loads(text)


@each_library
@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_large_vector_is_read_to_the_bit(library: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any bits, with blanks and without, as one that was never a list."""
    use(library, monkeypatch, SHORTEST=8 * 1024)
    random = np.random.default_rng(size)
    bits = random.integers(0, 2**64, size, np.uint64).view(np.float64)
    values = np.where(np.isfinite(bits), bits, 1.0)
    for text in (
        orjson.dumps({"grads": values.tolist()}),
        standard.dumps({"grads": values.tolist()}, indent=1).encode(),
        standard.dumps({"params": {"b": 1, "w": [0.5]}, "grads": values.tolist()}).encode(),
    ):
        read_values = json.parse(text)["grads"]
        assert isinstance(read_values, np.ndarray)
        assert read_values.tobytes() == values.tobytes()
        assert read_values.flags.owndata


def test_a_large_matrix_stays_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are for the other way, however long."""
    use("orjson", monkeypatch, SHORTEST=8 * 1024)
    rows = [[0.5] * 5000, [1.5] * 5000]
    assert json.parse(orjson.dumps({"grads": rows})) == {"grads": rows}


def test_a_body_of_many_short_arrays_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for a long one behind them would cost more than it saves."""
    use("orjson", monkeypatch, SHORTEST=8 * 1024)
    names = {f"{i:03}": [i] for i in range(500)}
    body = orjson.dumps({"params": names, "grads": [0.5] * 5000})
    assert isinstance(json.parse(body)["grads"], list)
    few = orjson.dumps({"params": {"a": [1], "b": [2]}, "grads": [0.5] * 5000})
    assert isinstance(json.parse(few)["grads"], np.ndarray)
