"""JSON and arrays, side by side: one table, read in both directions and compared byte for byte."""

import struct
from typing import Any

import pytest

from stepd.values import Values
from tests.wire.documents import decode, encode, named, unnamed

LARGEST = float.fromhex("0x1.fffffffffffffp1023")
LARGEST_FLOAT32 = float.fromhex("0x1.fffffep127")
ODD = float.fromhex("0x1.5c87fap-84")

# The text, and the values it stands for. Both ways: this text is read as these values, which are written as this text.
BOTH_WAYS: list[tuple[str, str, Any]] = [
    ("zeros", "[0.0,-0.0]", [0.0, -0.0]),
    ("ordinary", "[1.0,-2.5,0.1,100.0]", [1.0, -2.5, 0.1, 100.0]),
    ("shortest digits", "[0.30000000000000004,0.3]", [0.1 + 0.2, 0.3]),
    ("seventeen digits", "[-0.000012345678901234568]", [float.fromhex("-0x1.9e409302678bap-17")]),
    ("subnormal", "[5e-324,-5e-324,2.225073858507201e-308]", [5e-324, -5e-324, 2.0**-1022 - 5e-324]),
    ("smallest normal", "[2.2250738585072014e-308]", [2.0**-1022]),
    ("largest", "[1.7976931348623157e+308,-1.7976931348623157e+308]", [LARGEST, -LARGEST]),
    ("beyond integers", "[9007199254740992.0,1e+16,1e+23]", [2.0**53, 1e16, 1e23]),
    ("one value", "[7.0]", [7.0]),
    ("rows", "[[1.0,2.0,3.0],[4.0,5.0,6.0]]", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    ("a column", "[[1.0],[2.0]]", [[1.0], [2.0]]),
    ("rank 8", "[[[[[[[[1.0,2.0]]]]]]]]", [[[[[[[[1.0, 2.0]]]]]]]]),
    ("named", '{"b":[1.0],"w":[[2.0],[3.0]]}', {"w": [[2.0], [3.0]], "b": [1.0]}),
    ("rank 0", '{"b":-0.0,"w":[2.0]}', {"b": -0.0, "w": [2.0]}),
    ("strange names", '{" ":[1.0],"\\"":[2.0],"\\\\":[3.0],"~1":[4.0],"ä😀":[5.0]}',
     {" ": [1.0], '"': [2.0], "\\": [3.0], "~1": [4.0], "ä😀": [5.0]}),
    ("names of numbers", '{"0":[1.0],"1e400":[2.0],"null":[3.0]}', {"0": [1.0], "1e400": [2.0], "null": [3.0]}),
]  # fmt: skip

FLOAT32_BOTH_WAYS: list[tuple[str, str, Any]] = [
    ("shortest for float32", "[0.1,-0.0000063184107,1e+20]", [0.1, float.fromhex("-0x1.a80578p-18"), 1e20]),
    ("zeros", "[0.0,-0.0]", [0.0, -0.0]),
    ("subnormal", "[1e-45,-1e-45,1.1754942e-38]", [2.0**-149, -(2.0**-149), 2.0**-126 - 2.0**-149]),
    ("smallest normal", "[1.1754944e-38]", [2.0**-126]),
    ("largest", "[3.4028235e+38,-3.4028235e+38]", [LARGEST_FLOAT32, -LARGEST_FLOAT32]),
    ("rank 0 and rows", '{"b":0.1,"w":[[0.2]]}', {"b": 0.1, "w": [[0.2]]}),
    ("the odd one", "[7.03853069e-26,-7.03853069e-26]", [ODD, -ODD]),
]  # fmt: skip

# Text that is read and never written.
IN_ONLY: list[tuple[str, str, Any]] = [
    ("integers", "[1,-2,0,9007199254740993]", [1.0, -2.0, 0.0, 2.0**53]),
    ("an integer has no minus zero", "[-0]", [0.0]),
    ("the largest that the parser keeps whole", "[18446744073709551615,-9223372036854775808]", [2.0**64, -(2.0**63)]),
    ("halfway between two float64", "[9007199254740993,9007199254740995.0]", [2.0**53, 2.0**53 + 4]),
    ("longer integers", f"[18446744073709551616,{'9' * 300}]", [2.0**64, 1e300]),
    ("exponents", "[1e3,1E+3,1e-3,10e-1,-1.5E2]", [1000.0, 1000.0, 0.001, 1.0, -150.0]),
    ("more digits than count", "[0.1000000000000000055511151231257827021181583404541015625]", [0.1]),
    ("underflow", "[1e-400,-1e-400,2e-324]", [0.0, -0.0, 0.0]),
    ("nearly infinite", "[1.797693134862315807e308]", [LARGEST]),
    ("white space", " [ 1.0 ,\n\t2.0\r] ", [1.0, 2.0]),
    ("escapes", '{"\\u0077":[1.0],"\\ud83d\\ude00":[2.0]}', {"w": [1.0], "😀": [2.0]}),
    ("the last of two names", '{"w":[1.0,2.0],"b":[0.5],"w":[3.0]}', {"w": [3.0], "b": [0.5]}),
]


def values(given: Any, dtype: str) -> Values:
    return named(given, dtype) if isinstance(given, dict) else unnamed(given, dtype)


def flat_bytes(given: Any, code: str) -> bytes:
    """Little-endian bytes, by the standard library: names in code-point order, arrays in C order."""
    if isinstance(given, dict):
        return b"".join(flat_bytes(given[name], code) for name in sorted(given))
    if isinstance(given, list):
        return b"".join(flat_bytes(item, code) for item in given)
    return struct.pack(code, given)


def cases(*tables: tuple[str, list[tuple[str, str, Any]]]) -> Any:
    return pytest.mark.parametrize(
        ("dtype", "text", "given"),
        [
            pytest.param(dtype, text, given, id=f"{name} {dtype}")
            for dtype, table in tables
            for name, text, given in table
        ],
    )


@cases(("float64", BOTH_WAYS), ("float32", FLOAT32_BOTH_WAYS), ("float64", IN_ONLY))
def test_bytes_to_arrays(dtype: str, text: str, given: Any) -> None:
    """Each text is read as its values, to the bit."""
    read = decode(text.encode(), dtype)
    assert read.flat.tobytes() == flat_bytes(given, "<d" if dtype == "float64" else "<f")
    assert read.tensors == values(given, dtype).tensors


@cases(("float64", BOTH_WAYS), ("float32", FLOAT32_BOTH_WAYS))
def test_arrays_to_bytes(dtype: str, text: str, given: Any) -> None:
    """The values are written as exactly that text."""
    assert encode(values(given, dtype)) == text.encode()


@cases(("float64", BOTH_WAYS), ("float64", IN_ONLY))
def test_expected_tensors_are_handed_back(dtype: str, text: str, given: Any) -> None:
    """Where a session's tensors are known, values come with those very tensors."""
    expected = values(given, dtype).tensors
    assert decode(text.encode(), dtype, expected).tensors is expected


def test_float32_is_rounded_once() -> None:
    """Text becomes float64 and then float32, each to nearest with ties to even, and tiny values become 0."""
    halfway = 1.0 + 2.0**-24
    read = decode(f"[{halfway!r},{halfway + 2**-50!r},1e-46,-1e-300,16777217]".encode(), "float32")
    assert read.flat.tolist() == [1.0, 1.0 + 2.0**-23, 0.0, 0.0, 16777216.0]
    assert read.flat.tobytes()[12:16] == b"\x00\x00\x00\x80"
