"""From what a parser made of a document (lists, arrays, objects) to flat vectors, and from flat vectors to a document.

Nothing is repaired: what is not a finite number in a rectangular array is refused, with a pointer to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain, islice
from typing import Any

import numpy as np

from stepd.errors import (
    MAX_FIELD_ERRORS,
    DtypeMismatch,
    FieldError,
    InvalidField,
    InvalidTensors,
    NotANumber,
    RaggedArray,
    StepdError,
    ValueNotFinite,
    ValueOutOfRange,
)
from stepd.values import MAX_RANK, FloatArray, Shape, Tensors, Values, largest

Place = tuple[str | int, ...]

# Values that are judged at a time: what comes of them stays in the processor's cache.
BLOCK_VALUES = 16_384
# A bool is an int, but not by its type.
_NUMBERS = frozenset((float, int))


def decode_values(
    given: object, place: Place, dtype: np.dtype[Any], *, expected: Tensors | None, max_tensors: int
) -> Values:
    """One role's tensors as one flat vector of `dtype`.

    A NumPy array becomes the vector without a copy where it has the dtype, and so do named ones that lie one after
    another in one buffer.

    Args:
        given: nested lists of numbers or a NumPy array for an unnamed tensor, or an object of such (or of numbers) by
            name. Arrays of float64 are rounded to a dtype of float32 as numbers are.
        place: where in the body it stood; its first part is the role.
        dtype: what the session's values are.
        expected: the session's tensors, None where the values themselves say what the tensors are.
        max_tensors: how many named ones may be new.

    Raises:
        InvalidField, NotANumber, RaggedArray, InvalidTensors, NamesMismatch, ShapeMismatch, ValueOutOfRange; of arrays
        DtypeMismatch, ValueNotFinite as well.
    """
    if (  # what most requests are, small ones above all: a list of as many numbers as the session has
        type(given) is list
        and expected is not None
        and expected.names is None
        and expected.shapes[0] == (len(given),)
        and {*map(type, given)} <= _NUMBERS
    ):
        return Values(expected, _rounded(np.array(given, np.float64), expected.shapes[0], place, dtype))
    if isinstance(given, dict):
        if expected is None:
            _require_count(given, place, max_tensors)
        names: tuple[str, ...] | None = tuple(sorted(given))
        if expected is not None and names != expected.names:  # before a look at what may be a million arrays
            expected.require(str(place[-1]), names, (), place)
        flattened = [_flatten(given[name], (*place, name), rank_0=True) for name in names or ()]
    else:
        names = None
        flattened = [_flatten(given, place, rank_0=False)]
    shapes = tuple([shape for shape, _ in flattened])
    if expected is None:
        tensors = _new_tensors(names, shapes, dtype, place)
    else:
        expected.require(str(place[-1]), names, shapes, place)
        tensors = expected
    arrays = [leaves for _, leaves in flattened if type(leaves) is np.ndarray]
    if names is None:
        flat = _vector(flattened[0][1], shapes[0], place, dtype)
    else:
        adjoining = _adjoining(arrays, dtype) if len(arrays) == len(names) else None
        flat = np.empty(tensors.size, dtype) if adjoining is None else adjoining
        if adjoining is None:
            for name, (shape, leaves), view in zip(names, flattened, tensors.views(flat), strict=True):
                view.reshape(-1)[:] = _vector(leaves, shape, (*place, name), dtype)
    # The numbers of a document are finite, those of arrays are not judged yet.
    return finite_values(tensors, flat, place) if arrays else Values(tensors, flat)


def finite_values(tensors: Tensors, flat: FloatArray, place: Place = ()) -> Values:
    """The vector as values, every one of them finite. `place` is where they stood, () for a body that is nothing else.

    A vector whose values are not aligned, as a body may have it, is copied.

    Raises ValueNotFinite, which names the tensor and the index of the first that is not.
    """
    if not flat.flags.aligned:
        flat = flat.copy()
    most = largest(flat)
    if most != math.inf:
        return Values(tensors, flat, most)
    flat_index = _first_not_finite(flat)
    tensor, index = tensors.locate(flat_index)
    of = "" if tensor is None else f" of tensor {tensor!r}"
    inside = flat_index - tensors.offsets[0 if tensor is None else (tensors.names or ()).index(tensor)]
    detail = (
        f"{say(place) if place else 'the body'} has {flat[flat_index]} at flat index {inside}{of}, which is "
        f"{list(index)}; every value must be finite"
    )
    where = tensors.place(*map(str, place), flat_index=flat_index) if place else ()
    raise ValueNotFinite(detail, errors=[FieldError.at(*where, detail=detail)])


def _first_not_finite(flat: FloatArray) -> int:
    """The flat index of the first value that is NaN or infinite, of which there is one."""
    for first in range(0, flat.size, BLOCK_VALUES):
        finite = np.isfinite(flat[first : first + BLOCK_VALUES])
        if not finite.all():
            return first + int(finite.argmin())
    raise AssertionError("every value is finite")


def _adjoining(arrays: list[FloatArray], dtype: np.dtype[Any]) -> FloatArray | None:
    """The arrays as one vector, where they are that already: one after another in one buffer of the dtype."""
    buffer = arrays[0].base
    if not isinstance(buffer, np.ndarray) or buffer.ndim != 1 or buffer.dtype != dtype:
        return None
    start = end = arrays[0].ctypes.data
    for array in arrays:
        if array.base is not buffer or array.ctypes.data != end:
            return None
        end += array.nbytes
    first, last = ((address - buffer.ctypes.data) // dtype.itemsize for address in (start, end))
    return buffer[first:last]


def decode_shape(given: object, dtype: np.dtype[Any], *, max_tensors: int) -> Tensors:
    """The `shape` of create: a list of lengths, or an object of such by name."""
    if isinstance(given, dict):
        _require_count(given, ("shape",), max_tensors)
    try:
        if isinstance(given, dict):
            return Tensors.named({name: _lengths(lengths, ("shape", name)) for name, lengths in given.items()}, dtype)
        return Tensors.unnamed(_lengths(given, ("shape",)), dtype)
    except InvalidTensors as invalid:
        raise _at(("shape",), invalid) from None


def document(values: Values, encode: Callable[[FloatArray], Any]) -> Any:
    """The tensors as a document: what `encode` makes of each array, by name where they have names."""
    views = values.tensors.views(values.flat)
    if values.tensors.names is None:
        return encode(next(views))
    return {name: encode(view) for name, view in zip(values.tensors.names, views, strict=True)}


def _new_tensors(
    names: tuple[str, ...] | None, shapes: tuple[Shape, ...], dtype: np.dtype[Any], place: Place
) -> Tensors:
    try:
        if names is None:
            return Tensors.unnamed(shapes[0], dtype)
        return Tensors.named(dict(zip(names, shapes, strict=True)), dtype)
    except InvalidTensors as invalid:
        raise _at(place, invalid) from None


def _require_count(given: dict[str, Any], place: Place, max_tensors: int) -> None:
    if len(given) > max_tensors:
        detail = f"{say(place)} has {len(given)} tensors; at most {max_tensors} may be named"
        raise InvalidTensors(detail, errors=[FieldError.at(*place, detail=detail)])


def _at(place: Place, invalid: InvalidTensors) -> InvalidTensors:
    """Says where in the body the tensors stood that can't be held."""
    return InvalidTensors(invalid.detail, errors=[FieldError.at(*place, detail=invalid.detail)])


def _lengths(given: object, place: Place) -> Shape:
    if not isinstance(given, list):
        detail = f"{say(place)} must be a list of whole numbers, not {_shown(given)}"
        raise InvalidField(detail, errors=[FieldError.at(*place, detail=detail)])
    for number, length in enumerate(given):
        if type(length) is not int:
            where = (*place, number)
            detail = f"{say(where)} must be a whole number, not {_shown(length)}"
            raise InvalidField(detail, errors=[FieldError.at(*where, detail=detail)])
    return tuple(given)


def _flatten(given: object, place: Place, *, rank_0: bool) -> tuple[Shape, Any]:
    """The shape of nested lists and their leaves in C order, an array as it is. The leaves are not looked at yet."""
    if type(given) is not list:
        if isinstance(given, np.ndarray):
            return given.shape, given
        if rank_0 and not isinstance(given, dict):
            return (), [given]
        detail = f"{say(place)} must be {'a number or ' if rank_0 else ''}an array of numbers, not {_shown(given)}"
        raise _of_kind(given)(detail, errors=[FieldError.at(*place, detail=detail)])
    shape, rows = [len(given)], given
    while rows and type(rows[0]) is list:
        width = len(rows[0])
        if set(map(type, rows)) != {list} or set(map(len, rows)) != {width}:
            raise _ragged(rows, width, shape, place)
        shape.append(width)
        rows = list(chain.from_iterable(rows))
        if len(shape) > MAX_RANK:
            detail = f"{say(place)} is nested more than {MAX_RANK} deep; {MAX_RANK} is the highest rank"
            raise InvalidTensors(detail, errors=[FieldError.at(*place, detail=detail)])
    return tuple(shape), rows


def _ragged(rows: list[Any], width: int, shape: list[int], place: Place) -> RaggedArray:
    number, row = next((i, row) for i, row in enumerate(rows) if type(row) is not list or len(row) != width)
    where = (*place, *map(int, np.unravel_index(number, shape)))
    has = f"has {len(row)} values" if type(row) is list else f"is {_shown(row)}"
    detail = f"{say(where)} {has}, the first row has {width}; every row must have as many"
    return RaggedArray(detail, errors=[FieldError.at(*where, detail=detail)])


def _vector(leaves: Any, shape: Shape, place: Place, dtype: np.dtype[Any]) -> FloatArray:
    """The leaves as a vector of the dtype."""
    if type(leaves) is np.ndarray:
        return _rounded(leaves.reshape(-1), shape, place, dtype)
    if {*map(type, leaves)} <= _NUMBERS:
        return _rounded(np.array(leaves, np.float64), shape, place, dtype)
    raise _not_numbers(leaves, shape, place)


def _rounded(vector: FloatArray, shape: Shape, place: Place, dtype: np.dtype[Any]) -> FloatArray:
    """A vector of finite float64 as one of the dtype; one that has it is left alone."""
    if vector.dtype == dtype:
        return vector
    if vector.dtype != np.float64:
        detail = f"{say(place)} has values of {vector.dtype.name}, the session has {dtype.name}"
        raise DtypeMismatch(detail, errors=[FieldError.at(*place, detail=detail)])
    with np.errstate(over="ignore"):
        rounded = vector.astype(dtype)
    if largest(rounded) == math.inf:
        raise _out_of_range(vector, rounded, shape, place)
    return rounded


def _out_of_range(vector: FloatArray, rounded: FloatArray, shape: Shape, place: Place) -> ValueOutOfRange:
    dtype = rounded.dtype
    bad = np.flatnonzero(~np.isfinite(rounded))
    errors = []
    for flat_index in bad[:MAX_FIELD_ERRORS].tolist():
        where = (*place, *_index(flat_index, shape))
        detail = f"{vector[flat_index]:g} is beyond {dtype.name}, whose largest is {np.finfo(dtype).max:g}"
        errors.append(FieldError.at(*where, detail=detail))
    return ValueOutOfRange(
        f"{say(place)} has {bad.size} value{'' if bad.size == 1 else 's'} too large for {dtype.name}; "
        f"the first, at index {list(_index(int(bad[0]), shape))}, is {vector[bad[0]]:g}",
        errors=errors,
    )


def _not_numbers(leaves: list[Any], shape: Shape, place: Place) -> StepdError:
    offenders = ((i, leaf) for i, leaf in enumerate(leaves) if type(leaf) not in (float, int))
    shown = list(islice(offenders, MAX_FIELD_ERRORS))
    count = len(shown) + sum(1 for _ in offenders)  # the others are not kept: a body can be full of them
    errors = []
    for flat_index, leaf in shown:
        where = (*place, *_index(flat_index, shape))
        errors.append(FieldError.at(*where, detail=f"{_shown(leaf)} is not a number"))
    first_index, first = shown[0]
    at = f" at index {list(_index(first_index, shape))}" if shape else ""
    if isinstance(first, list):
        detail = f"{say(place)} has an array{at} where other elements are numbers; every row must have one shape"
        return RaggedArray(detail, errors=errors)
    more = f" ({count} values are no numbers)" if count > 1 else ""
    return NotANumber(f"{say(place)}{at} is {_shown(first)}, not a number{more}", errors=errors)


def _index(flat_index: int, shape: Shape) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat_index, shape)) if shape else ()


def _of_kind(given: object) -> type[StepdError]:
    return InvalidField if isinstance(given, (dict, list)) else NotANumber


def say(place: Place) -> str:
    """A place in the body, as people write it: `grads`, `params['w'][3]`."""
    first, *rest = place
    return str(first) + "".join(f"[{part if isinstance(part, int) else repr(part[:40])}]" for part in rest)


def _shown(given: object) -> str:
    if given is None or isinstance(given, bool):
        return {None: "null", True: "true", False: "false"}[given]
    if isinstance(given, (dict, list)):
        return "an object" if isinstance(given, dict) else "an array"
    return repr(given)[:40]
