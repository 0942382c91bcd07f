"""How much memory reading safetensors takes at most: `python -m tests.wire.tensor_peaks` prints it for each kind.

Measured as in `peaks.py`, and given as a part of what a request reserves.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

import numpy as np

from stepd.errors import StepdError
from stepd.values import DTYPES
from stepd.wire import safetensors
from stepd.wire.arrays import decode_values
from tests.wire.peaks import in_a_fork, resident_peak, traced_peak
from tests.wire.tensorfiles import body_of, entry, made

TENSORS = 5_000
EXPECTED = 1024
LONGEST = safetensors.max_header_bytes(EXPECTED)
ROOM = LONGEST - 200
VALUES = np.ones(2_000_000)


def tiny(name: str, rank: int = 1) -> bytes:
    """As many tensors of one value as that."""
    header = {name.format(i): entry([1] * rank, 4 * i, "F32") for i in range(TENSORS)}
    return made(json.dumps(header, separators=(",", ":")).encode(), bytes(4 * TENSORS))


def unknown(unit: str, last: str) -> bytes:
    """A tensor with a field that the library passes over."""
    text = f'{{"params":{{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":[{unit * (ROOM // len(unit))}{last}]}}}}'
    return made(text.encode(), bytes(4))


def metadata(unit: str, last: str) -> bytes:
    """An optimizer of any kind."""
    text = json.dumps({"__metadata__": {"optimizer": f"[{unit * (ROOM // len(json.dumps(unit)))}{last}]"}})
    return made(text.encode())


def named(names: range, *, padded: bool) -> bytes:
    """A vector in pieces."""
    pieces = VALUES.reshape(len(names), -1)
    return body_of({f"params/{name:03}": piece for name, piece in zip(names, pieces, strict=True)}, padded=padded)


BODIES: dict[str, bytes] = {
    "tiny tensors": tiny("params/{}"),
    "tiny tensors of long names": tiny("params/{}" + "x" * 100),
    "tiny tensors of rank 8": tiny("params/{}", rank=8),
    "tiny slots": tiny("s{}"),
    "unknown zeros": unknown("0,", "0"),
    "unknown strings": unknown('"a",', "0"),
    "unknown lists": unknown("[],", "0"),
    "unknown lists, few": unknown("[],0.12345678901234,", "0"),
    "unknown objects": unknown('{"":0},', "0"),
    "unknown deep lists": unknown("[" * 100 + "]" * 100 + ",", "0"),
    "unknown deep objects": unknown('{"":' * 100 + "0" + "}" * 100 + ",", "0"),
    "metadata of zeros": metadata("0,", "0"),
    "metadata of deep lists": metadata("[" * 900 + "]" * 900 + ",", "0"),
    "metadata of deep objects": metadata('{"":' * 900 + "0" + "}" * 900 + ",", "0"),
    "a string without an end": made(b'{"' + b'[\\"' * (ROOM // 3)),
    "a string that ends in a backslash": made(b'{"' + b'[\\"' * (ROOM // 3) + b"\\"),
    "names, one twice": made(b"{" + b"".join(b'"%x":0,' % i for i in range(ROOM // 10)) + b'"0":0}'),
    "values": body_of({"params": VALUES}),
    "values, unaligned": body_of({"params": VALUES}, padded=False),
    "named values": named(range(100), padded=True),
    "named values, backwards": named(range(99, -1, -1), padded=True),
    "named values, backwards, unaligned": named(range(99, -1, -1), padded=False),
}


def read(body: bytearray) -> None:
    """Reads a body as a checkpoint; what is refused was read as well."""
    with suppress(StepdError):
        document = safetensors.parse(body, vectors=("params",), state=True, dtype=None, expected=EXPECTED)
        if "params" in document:
            dtype = DTYPES[document["dtype"]]
            decode_values(document["params"], ("params",), dtype, expected=None, max_tensors=2**30)


def parts() -> dict[str, list[float]]:
    """For each kind: what is resident and what is traced at the peak, as a part of what is reserved."""
    read(bytearray(body_of({"params": VALUES[:10_000]})))
    found = {}
    for name, given in BODIES.items():
        body = bytearray(given)
        reserved = safetensors.decode_bytes(len(body), safetensors.header_bytes(body, LONGEST))
        found[name] = [
            (len(body) + in_a_fork(lambda m=measure, b=body: m(lambda: read(b)))) / reserved
            for measure in (resident_peak, traced_peak)
        ]
    return found


if __name__ == "__main__":
    json.dump({name: [round(part, 2) for part in some] for name, some in parts().items()}, sys.stdout, indent=1)
