"""How much memory reading and writing JSON takes at most: `python tests/wire/peaks.py` prints it for every kind.

Each kind runs in a process of its own, forked from this one before anything was allocated, and is measured twice: by
the process's resident memory, which has all that orjson takes, and by tracemalloc, which has what Python takes.
"""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np

from stepd.errors import StepdError
from stepd.values import DTYPES, Tensors, Values
from stepd.wire.arrays import decode_values
from stepd.wire.json import ODD_FLOAT32_BITS, dumps_vectors, encoded, parse

# Bytes of a body, and values of an answer: many for what is resident, few for what is traced, which is slow.
BODY_BYTES = (2**19, 2**15)
COUNTS = (150_000, 15_000)


Body = Callable[[int], bytes]


def repeated(unit: str, last: str) -> Body:
    """An array of equal pieces, of so many bytes."""
    return lambda size: ("[" + unit * (size // len(unit)) + last + "]").encode()


def nested(opened: str, inside: str, closed: str, depth: int, last: str = "0") -> Body:
    """An array of pieces, each nested so deep."""
    return repeated(opened * depth + inside + closed * depth + ",", last)


def vector(unit: str, last: str) -> Body:
    """Params that are one long array."""
    return lambda size: b'{"params":' + repeated(unit, last)(size) + b"}"


def numbered(value: str, last: str = "0") -> Body:
    """An object of different names."""
    return lambda size: (
        "{" + "".join(f'"{i:x}":{value},' for i in range(size // (7 + len(value)))) + f'"n":{last}}}'
    ).encode()


READ: dict[str, Body] = {
    "zeros": repeated("0,", "0"),
    "floats": repeated("1e0,", "0"),
    "ordinary numbers": repeated("0.1234567890123456,", "0"),
    "strings": repeated('"a",', "0"),
    "nulls": repeated("null,", "0"),
    "empty lists": repeated("[],", "[]"),
    "empty objects": repeated("{},", "{}"),
    "objects of one": repeated('{"":0},', "{}"),
    "rows of one": repeated("[0],", "[0]"),
    "rank 8": nested("[", "0", "]", 7, "[[[[[[[0]]]]]]]"),
    "deep lists": nested("[", "", "]", 900),
    "deep objects": nested('{"":', "0", "}", 900),
    "names": numbered("0"),
    "names of lists": numbered("[0]"),
    "a vector of zeros": vector("0,", "0"),
    "a vector of ordinary numbers": vector("0.1234567890123456,", "0"),
    # Refused by the parser and read again, to say where.
    "zeros and NaN": repeated("0,", "NaN"),
    "nothing but NaN": repeated("NaN,", "NaN"),
    "rows of NaN": repeated("[NaN],", "NaN"),
    "empty lists and NaN": repeated("[],", "NaN"),
    "empty objects and NaN": repeated("{},", "NaN"),
    "deep lists and NaN": nested("[", "", "]", 900, "NaN"),
    "deep lists, NaN and an emoji": nested("[", "", "]", 900, '"😀",NaN'),
    "deep objects and NaN": nested('{"":', "0", "}", 900, "NaN"),
    "names and NaN": numbered("0", "NaN"),
    "a vector of zeros and NaN": vector("0,", "NaN"),
    # No JSON, at the very end.
    "zeros, broken": repeated("0,", "x"),
    "zeros, an emoji, broken": repeated("0,", '"😀",x'),
    "deep lists, broken": nested("[", "", "]", 900, "x"),
    "a vector, broken": lambda size: vector("0,", "0")(size)[:-1] + b"x",
    "no UTF-8": lambda size: b"[" + b"0," * (size // 2) + b"\xff",
}

# Of so many bytes, beside which nothing counts but the values and what is as many.
LARGE = {"a large vector": vector("0.1234567890123456,", "0")}
LARGE_BYTES = 2**23

LONGEST = {"float64": -2.2250738585072014e-308, "float32": -6.3184107e-06}
# Shapes of so many values, -1 for what is left to one length.
WRITTEN: dict[str, tuple[int, ...]] = {
    "a list": (-1,),
    "rows of one": (-1, 1),
    "rows of ten": (-1, 10),
    "rank 8": (-1, 1, 1, 1, 1, 1, 1, 1),
    "rank 8, the other way": (1, 1, 1, 1, 1, 1, 1, -1),
    "the odd float32": (-1, 1, 1, 1, 1, 1, 1, 1),
}


def longest(name: str, dtype: str, count: int) -> Values:
    """So many values of the longest decimal, in the shape of that name."""
    flat = np.full(count, LONGEST[dtype], DTYPES[dtype])
    if name == "the odd float32":
        flat = np.full(count, 0x80000000 | ODD_FLOAT32_BITS, np.uint32).view(np.float32).astype(DTYPES[dtype])
    return Values(Tensors.unnamed(flat.reshape(WRITTEN[name]).shape, DTYPES[dtype]), flat)


def read(body: bytes) -> None:
    """Reads a body as params of float32, which take the most; what is refused was read as well."""
    with suppress(StepdError):
        document = parse(body)
        decode_values(document, ("params",), DTYPES["float32"], expected=None, max_tensors=2**30)


def write(values: Values) -> None:
    dumps_vectors({"step": 1, "params": encoded(values)})


def resident(which: str) -> int:
    """VmRSS or VmHWM of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def in_a_fork(measure: Callable[[], float]) -> float:
    """What a child process measures."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sender, str(measure()).encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        result = float(pipe.read())
    os.waitpid(child, 0)
    return result


def resident_peak(work: Callable[[], None]) -> int:
    before = resident("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts anew from here
    work()
    return resident("VmHWM:") - before


def traced_peak(work: Callable[[], None]) -> int:
    tracemalloc.start()
    work()
    return tracemalloc.get_traced_memory()[1]


def peaks() -> dict[str, list[float]]:
    """For each kind: bytes resident and bytes traced, per byte of the body (itself counted) or per value written."""
    read(b"[1.5]")
    read(READ["a vector of zeros"](BODY_BYTES[1]))
    write(longest("rank 8", "float64", 8))
    found: dict[str, list[float]] = {}
    for name, make in READ.items():
        found[name] = []
        for measure, size in zip((resident_peak, traced_peak), BODY_BYTES, strict=True):
            body = make(size)
            found[name].append(1 + in_a_fork(lambda m=measure, b=body: m(lambda: read(b)) / len(b)))
    for name, make in LARGE.items():
        body = make(LARGE_BYTES)
        found[name] = [1 + in_a_fork(lambda b=body: resident_peak(lambda: read(b)) / len(b))]
    for name, dtype in product(WRITTEN, DTYPES):
        found[f"{dtype}, {name}"] = []
        for measure, count in zip((resident_peak, traced_peak), COUNTS, strict=True):
            values = longest(name, dtype, count)
            found[f"{dtype}, {name}"].append(in_a_fork(lambda m=measure, v=values: m(lambda: write(v)) / v.flat.size))
    return found


if __name__ == "__main__":
    json.dump({name: [round(peak, 1) for peak in some] for name, some in peaks().items()}, sys.stdout, indent=1)
