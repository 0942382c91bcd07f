"""Values as callers write them, as arrays, and as JSON: taken in, given back in the same kind, written, read.

Inside the client the values of one role (params, grads, a slot) are `Arrays`: one array, or one per name, each in the
session's dtype and C order. A `Form` remembers how the caller wrote them. No request and no session lives here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

FloatArray = npt.NDArray[np.floating[Any]]
Arrays = FloatArray | dict[str, FloatArray]
Shape = tuple[int, ...]
DType = np.dtype[np.floating[Any]]

FLOAT64: DType = np.dtype(np.float64)
FLOAT32: DType = np.dtype(np.float32)

# The only float32 whose shortest decimal, read as float64 and then rounded, is its neighbour: +-0x15ae43fd.
_MISREAD_DECIMAL, _NINE_DIGITS = b"7.038531e-26", b"7.03853069e-26"

# From 3.12 on orjson writes beyond its buffer for float64 arrays of the longest decimals; as lists they are safe.
_FLOAT64_OVERFLOWS = tuple(int(number) for number in orjson.__version__.split(".")[:2]) >= (3, 12)


class Kind(Enum):
    """How a caller writes one tensor."""

    ARRAY = "ndarray"
    LIST = "list"
    NUMBER = "number"
    NUMPY_NUMBER = "NumPy number"


@dataclass(frozen=True, slots=True)
class Form:
    """How a caller writes the values of one role. `named` holds name and kind in the caller's order."""

    unnamed: Kind | None = None
    named: tuple[tuple[str, Kind], ...] = ()

    def fits(self, arrays: Arrays) -> bool:
        if isinstance(arrays, dict):
            return self.unnamed is None and {name for name, _ in self.named} == set(arrays)
        return self.unnamed is not None


def form_of(arrays: Arrays) -> Form:
    """The form of arrays that no caller has written: arrays, names in the order in which they came."""
    if isinstance(arrays, dict):
        return Form(named=tuple((name, Kind.ARRAY) for name in arrays))
    return Form(unnamed=Kind.ARRAY)


def dtype_named(dtype: npt.DTypeLike | None, values: object = None) -> DType:
    """The dtype asked for; if none is, float32 where every value given is a float32 array, else float64.

    Raises ValueError for any other dtype than float64 and float32.

    >>> dtype_named(None, np.zeros(3, np.float32)).name
    'float32'
    """
    if dtype is None:
        tensors = list(values.values()) if isinstance(values, Mapping) else [values]
        narrow = bool(tensors) and all(
            isinstance(tensor, (np.ndarray, np.generic)) and tensor.dtype.newbyteorder("=") == FLOAT32
            for tensor in tensors
        )
        return FLOAT32 if narrow else FLOAT64
    given = np.dtype(dtype).newbyteorder("=")
    for known in (FLOAT64, FLOAT32):
        if given == known:
            return known
    raise ValueError(f"dtype is {given.name}; a session's is float64 or float32")


def take(role: str, values: object, dtype: DType) -> tuple[Arrays, Form]:
    """From what a caller gave to arrays of `dtype` and the form to give values back in.

    Arrays that are already of `dtype` and in C order are not copied.

    Raises:
        TypeError: not an array, a list or a mapping of names to these or to numbers; or they don't hold numbers.
        ValueError: a list is ragged; a value is NaN, infinite or too large for `dtype`. Both name the place.

    >>> take("grads", [[1, 2]], FLOAT64)[0]
    array([[1., 2.]])
    """
    if isinstance(values, Mapping):
        arrays: dict[str, FloatArray] = {}
        kinds = []
        for name, tensor in values.items():
            if not isinstance(name, str):
                raise TypeError(f"{role} has the name {name!r}; names are text")
            arrays[name], kind = _take_tensor(f"{role}[{name!r}]", tensor, dtype)
            kinds.append((name, kind))
        return arrays, Form(named=tuple(kinds))
    array, kind = _take_tensor(role, values, dtype)
    if kind in (Kind.NUMBER, Kind.NUMPY_NUMBER):
        raise TypeError(f"{role} is a number; give an array, a list, or a mapping of names to arrays, lists or numbers")
    return array, Form(unnamed=kind)


def _take_tensor(place: str, tensor: object, dtype: DType) -> tuple[FloatArray, Kind]:
    kind: Kind
    if isinstance(tensor, np.ndarray):
        kind, found = Kind.ARRAY, tensor
    elif isinstance(tensor, (list, tuple)):
        _check_leaves(place, tensor, ())
        kind, found = Kind.LIST, _array_of(place, tensor)
    elif isinstance(tensor, np.generic):
        kind, found = Kind.NUMPY_NUMBER, np.asarray(tensor)
    elif isinstance(tensor, (int, float)) and not isinstance(tensor, bool):
        kind, found = Kind.NUMBER, _array_of(place, tensor)
    else:
        raise TypeError(f"{place} is a {type(tensor).__name__}; give an array, a list or, under a name, a number")
    if found.dtype.kind not in "fiu":
        raise TypeError(f"{place} has dtype {found.dtype}; it must hold numbers (integers or floats)")
    array: FloatArray
    if found.dtype == dtype:
        array = np.asarray(found, order="C")
    else:
        with np.errstate(over="ignore", under="ignore"):
            array = np.asarray(found, dtype, order="C")
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(axis[0]) for axis in np.nonzero(~np.atleast_1d(finite)))[: array.ndim]
        value = found[index]
        reason = "values must be finite" if not np.isfinite(value) else f"that is too large for {dtype.name}"
        raise ValueError(f"{_at(place, index)} is {value!s}; {reason}")
    return array, kind


def _array_of(place: str, values: float | Sequence[Any]) -> npt.NDArray[Any]:
    """A float64 array of a nested list whose leaves are known to be numbers."""
    try:
        return np.array(values, np.float64)
    except OverflowError:  # an integer beyond float64
        raise ValueError(f"{place} has an integer that is too large for float64") from None
    except ValueError:
        raise ValueError(f"{place} is ragged: its rows differ in shape") from None


def _check_leaves(place: str, values: Sequence[Any], index: Shape) -> None:
    """Refuses what NumPy would quietly turn into a number: text, booleans, None, arrays within lists."""
    if set(map(type, values)) <= {float, int}:
        return
    for position, value in enumerate(values):
        if isinstance(value, (list, tuple)):
            _check_leaves(place, value, (*index, position))
        elif isinstance(value, bool) or not isinstance(value, (int, float, np.floating, np.integer)):
            raise TypeError(f"{_at(place, (*index, position))} is a {type(value).__name__}; lists hold numbers")


def _at(place: str, index: Shape) -> str:
    return f"{place}[{', '.join(map(str, index))}]" if index else place


def give(arrays: Arrays, form: Form) -> Any:
    """The values in the caller's form, all new objects: the caller may write to them.

    >>> give(np.array([0.5, 1.0]), Form(unnamed=Kind.LIST))
    [0.5, 1.0]
    """
    fitting = form if form.fits(arrays) else form_of(arrays)
    if isinstance(arrays, dict):
        return {name: _give_tensor(arrays[name], kind) for name, kind in fitting.named}
    return _give_tensor(arrays, fitting.unnamed or Kind.ARRAY)


def _give_tensor(array: FloatArray, kind: Kind) -> Any:
    if kind is Kind.ARRAY:
        return array.copy()
    # A float32 becomes the Python float of the same value: the dtype still shows in which values there can be.
    return array[()] if kind is Kind.NUMPY_NUMBER else array.tolist()


def copied(arrays: Arrays) -> Arrays:
    """The same values in arrays that nobody else holds."""
    if isinstance(arrays, dict):
        return {name: array.copy() for name, array in arrays.items()}
    return arrays.copy()


def zeros(shape: Shape | Mapping[str, Shape], dtype: DType) -> Arrays:
    """Zeros of a shape, or of a shape per name."""
    if isinstance(shape, Mapping):
        return {name: np.zeros(one, dtype) for name, one in shape.items()}
    return np.zeros(shape, dtype)


def shape_of(arrays: Arrays) -> Shape | dict[str, Shape]:
    """A shape, or a shape per name."""
    if isinstance(arrays, dict):
        return {name: array.shape for name, array in arrays.items()}
    return arrays.shape


def little_endian(arrays: Arrays) -> Iterator[bytes]:
    """The bytes of each tensor, names in code-point order: what digests are made of."""
    tensors = [arrays[name] for name in sorted(arrays)] if isinstance(arrays, dict) else [arrays]
    for tensor in tensors:
        yield tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()


def encode(arrays: Arrays) -> Any:
    """Something that `orjson.dumps` writes as (nested) lists of shortest decimals that read back bit for bit.

    >>> orjson.dumps(encode({"w": np.array([[-0.0, 1e-300]])}))
    b'{"w":[[-0.0,1e-300]]}'
    """
    if isinstance(arrays, dict):
        return {name: _encode_tensor(array) for name, array in arrays.items()}
    return _encode_tensor(arrays)


def _encode_tensor(array: FloatArray) -> orjson.Fragment:
    # orjson writes no array of rank 0: it goes in as rank 1 and loses its brackets.
    rows = np.atleast_1d(array)
    in_lists = array.dtype != FLOAT32 and _FLOAT64_OVERFLOWS
    written = orjson.dumps(rows.tolist() if in_lists else rows, option=orjson.OPT_SERIALIZE_NUMPY)
    if array.dtype == FLOAT32:
        # Shortest decimals have one digit before the point and are whole tokens, so nothing else contains this text.
        written = written.replace(_MISREAD_DECIMAL, _NINE_DIGITS)
    return orjson.Fragment(written if array.ndim else written[1:-1])


def decode(document: object, dtype: DType) -> Arrays:
    """From decoded JSON to arrays: text became float64, now the dtype.

    Raises ValueError where the document is not (nested) lists of finite numbers, or a mapping of names to such.

    >>> decode({"b": [0.5]}, FLOAT32)
    {'b': array([0.5], dtype=float32)}
    """
    if isinstance(document, dict):
        return {name: _decode_tensor(tensor, dtype) for name, tensor in document.items()}
    if not isinstance(document, list):
        raise ValueError(f"values are a {type(document).__name__}, not lists or a mapping")  # noqa: TRY004 - see above
    return _decode_tensor(document, dtype)


def _decode_tensor(document: object, dtype: DType) -> FloatArray:
    try:
        found = np.array(document)  # with a dtype named, text such as "1" would become a number
        if found.dtype.kind not in "fiuO":  # O: whole numbers beyond 64 bits, or a null, which is refused below
            raise TypeError(f"they hold {found.dtype.name}")  # noqa: TRY301 - said like what NumPy itself refuses
        if isinstance(document, list):  # true among numbers is 1.0 to NumPy
            _check_leaves("the answer", document, ())
        wide = found.astype(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"values are not lists of numbers: {error}") from None
    with np.errstate(over="ignore", under="ignore"):
        array: FloatArray = wide.astype(dtype, copy=False)
    if not np.isfinite(array).all():
        raise ValueError("values are not finite")
    return array
