"""The safetensors format as this client writes and reads it, against the format's own library."""

import json

import numpy as np
import pytest
import safetensors.numpy

from stepd_client.safetensors import Contents, read, write

TENSORS = {
    "params/w": np.array([[-0.0, 5e-324], [np.finfo(float).max, 0.1]]),
    "params/\u00e4": np.array(2.0),
    "square_avg": np.array([1e-45, -0.0], np.float32),
}


def body(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def place(begin, end, shape=(1,), dtype="F64"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


ONE = json.dumps(place(0, 8))


def twice(members):
    return body(f"{{{members}}}".encode(), bytes(8))


def test_the_library_reads_what_is_written():
    """Names, shapes, dtypes and every bit; text in the metadata; values aligned for whoever maps the file."""
    written = b"".join(write(Contents(TENSORS, {"step": "3"})))
    loaded = safetensors.numpy.load(written)
    assert {name: (array.shape, array.dtype, array.tobytes()) for name, array in loaded.items()} == {
        name: (array.shape, array.dtype, array.tobytes()) for name, array in TENSORS.items()
    }
    length = int.from_bytes(written[:8], "little")
    assert json.loads(written[8 : 8 + length])["__metadata__"] == {"step": "3"}
    assert length % 8 == 0


def test_what_the_library_writes_is_read():
    """Whatever the order and the padding."""
    tensors, metadata = read(safetensors.numpy.save(TENSORS, {"colour": "red"}))
    assert metadata == {"colour": "red"}
    assert {name: (array.dtype, array.tobytes()) for name, array in tensors.items()} == {
        name: (array.dtype, array.tobytes()) for name, array in TENSORS.items()
    }


def test_contiguous_arrays_are_not_copied():
    """A piece of the body is the array's own memory; what is read is the body's."""
    array = np.arange(6.0).reshape(2, 3)
    _, piece = write(Contents({"grads": array}, {}))
    assert np.shares_memory(np.frombuffer(piece), array)
    written = b"".join(write(Contents({"grads": array}, {})))
    (found,) = read(written).tensors.values()
    assert np.shares_memory(found, np.frombuffer(written, np.uint8))


def test_other_layouts_are_written_in_c_order_and_little_endian():
    """A transposed view, a big-endian array, a read-only one."""
    given = np.arange(6.0).reshape(2, 3).T
    given.flags.writeable = False
    (found,) = read(b"".join(write(Contents({"grads": given}, {})))).tensors.values()
    assert found.tolist() == given.tolist()


def test_a_header_of_odd_length_is_read():
    """Values that are not aligned in the body are aligned in what is given."""
    header = b'{"params":{"dtype":"F64","shape":[2],"data_offsets":[0,16]} }'
    assert len(header) % 8
    (found,) = read(body(header, np.array([1.0, -0.0]).tobytes())).tensors.values()
    assert found.flags.aligned
    assert found.tobytes() == np.array([1.0, -0.0]).tobytes()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b"", "too few"),
        (b"\x02\x00", "too few"),
        (body({}, length=3), "too few"),
        (body(b"[]"), "not a JSON object"),
        (body(b" {}"), "not a JSON object"),
        (body(b'{"a":'), "unexpected end"),
        (twice(f'"a":{ONE},"a":{ONE}'), "the header has 'a' twice"),
        (twice(f'"a":{ONE},"\\u0061":{ONE}'), "the header has 'a' twice"),
        (twice(f'"a":{ONE},"a":1'), "the header has 'a' twice"),
        (twice(f'"a":{ONE[:-1]},"shape":[1]}}'), "the header has 'shape' twice"),
        (twice(f'"__metadata__":{{"step":"1","step":"1"}},"a":{ONE}'), "the header has 'step' twice"),
        (twice(f'"__metadata__":{{}},"a":{ONE},"__metadata__":{{}}'), "the header has '__metadata__' twice"),
        (twice(f'"a":{"[" * 1000}{"]" * 1000},"b":{ONE}'), "nested too deeply|must have dtype"),
        (body({"__metadata__": {"step": 3}}), "not text by name"),
        (body({"__metadata__": []}), "not text by name"),
        (body({"a": [1]}), "must have dtype, shape and data_offsets"),
        (body({"a": {"dtype": "F64", "shape": [1]}}, bytes(8)), "must have dtype, shape and data_offsets"),
        (body({"a": place(0, 8) | {"more": 1}}, bytes(8)), "must have dtype, shape and data_offsets"),
        (body({"a": place(0, 2, dtype="BF16")}, bytes(2)), "has dtype 'BF16', not F64 or F32"),
        (body({"a": place(0, 8, dtype=["F64"])}, bytes(8)), "has dtype"),
        (body({"a": place(0, 8, shape=(-1,))}, bytes(8)), "list of lengths"),
        (body({"a": place(0, 8, shape=(True,))}, bytes(8)), "list of lengths"),
        (body({"a": place(0, 8) | {"shape": 1}}, bytes(8)), "list of lengths"),
        (body({"a": place(0, 8) | {"data_offsets": [0]}}, bytes(8)), "two numbers"),
        (body({"a": place(0, 8, shape=(2,))}, bytes(8)), "not those of the shape"),
        (body({"a": place(8, 0)}, bytes(8)), "not those of the shape"),
        (body({"a": place(8, 16)}, bytes(16)), "begins at byte 8 of the values, not at 0"),
        (body({"a": place(0, 8), "b": place(0, 8)}, bytes(8)), "begins at byte 0 of the values, not at 8"),
        (body({"a": place(0, 8), "b": place(16, 24)}, bytes(24)), "begins at byte 16 of the values, not at 8"),
        (body({"a": place(0, 8)}, bytes(7)), "the tensors have 8 bytes, the body has 7 for them"),
        (body({"a": place(0, 8)}, bytes(9)), "the tensors have 8 bytes, the body has 9 for them"),
    ],
)
def test_what_breaks_the_format_is_refused(written, reason):
    """With what is wrong."""
    with pytest.raises(ValueError, match=reason):
        read(written)
