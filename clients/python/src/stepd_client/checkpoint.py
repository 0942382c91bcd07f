"""A whole session as values: what `state()` gives and `restore()` takes, and its forms: JSON, safetensors, files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import fspath
from typing import Any

import orjson

from stepd_client.files import FilePath, read_whole, write_whole
from stepd_client.formats import Format, Payload, is_binary, payload, roles_of, size_of
from stepd_client.optimizers import slot_order
from stepd_client.safetensors import Contents
from stepd_client.safetensors import read as read_safetensors
from stepd_client.values import Form, decode, dtype_named, form_of, give, little_endian, shape_of, take
from stepd_client.wire import in_one


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A session at one step: enough to go on from there, here or in another service, bit for bit.

    `optimizer` holds the name and every hyper-parameter; `dtype` is `float64` or `float32`. `params` is an array, a
    list or a dict of names, and `state` maps each slot (Adadelta: `square_avg` and `acc_delta`) to values like it.
    `digest` is the service's checksum over all values; it is checked on restore, on save and on load. To restore values
    that you changed, take it away: `dataclasses.replace(checkpoint, params=..., digest=None)`.
    """

    optimizer: Mapping[str, Any]
    dtype: str
    step: int
    params: Any = field(repr=False)
    state: Mapping[str, Any] = field(repr=False)
    digest: str | None = None

    def payload(self, chosen: Format, extras: Mapping[str, Any] | None = None) -> Payload:
        """As the service takes it, in the format that is chosen for so many values; `extras` stand beside them.

        Raises:
            ValueError, TypeError: the params or a slot don't hold finite numbers.
        """
        dtype = dtype_named(self.dtype)
        params = take("params", self.params, dtype)[0]
        slots = {slot: take(slot, values, dtype)[0] for slot, values in self.state.items()}
        document = {"optimizer": dict(self.optimizer), "dtype": dtype.name, "step": self.step}
        told = {} if self.digest is None else {"digest": self.digest}
        binary = is_binary(chosen, size_of(params))
        return payload({**document, **told, **(extras or {})}, {"params": params}, slots, binary=binary)

    def to_json(self) -> bytes:
        """One JSON object, UTF-8; every value reads back bit for bit.

        Raises:
            ValueError, TypeError: the params or a slot don't hold finite numbers.

        >>> Checkpoint({"name": "sgd"}, "float64", 3, [0.5], {"momentum_buffer": [0.25]}).to_json()
        b'{"optimizer":{"name":"sgd"},"dtype":"float64","step":3,"params":[0.5],"state":{"momentum_buffer":[0.25]}}'
        """
        return in_one(self.payload("json").body)

    @classmethod
    def from_json(cls, written: bytes | str) -> Checkpoint:
        """From what `to_json` or the service wrote; the values are arrays.

        Raises:
            ValueError: not JSON, or not a checkpoint.

        >>> checkpoint = Checkpoint({"name": "sgd"}, "float64", 3, [0.5], {"momentum_buffer": [0.25]})
        >>> Checkpoint.from_json(checkpoint.to_json()).params
        array([0.5])
        """
        return cls.read(orjson.loads(written))

    def to_safetensors(self) -> bytes:
        """The checkpoint in the safetensors format, which other programs open too.

        Tensors are named `params` and as the slots, or `params/<name>`, …; optimizer (JSON), step and digest are in the
        metadata.

        Raises:
            ValueError, TypeError: the params or a slot don't hold finite numbers.

        >>> checkpoint = Checkpoint({"name": "sgd"}, "float64", 3, [0.5], {"momentum_buffer": [0.25]})
        >>> Checkpoint.from_safetensors(checkpoint.to_safetensors()).state
        {'momentum_buffer': array([0.25])}
        """
        return in_one(self.payload("binary").body)

    @classmethod
    def from_safetensors(cls, written: bytes) -> Checkpoint:
        """From what `to_safetensors` or the service wrote; the values are arrays.

        Raises:
            ValueError: not safetensors, or not a checkpoint.
        """
        return cls.of_contents(read_safetensors(written))

    def verify(self) -> None:
        """Compute the digest of the values and compare it with `digest`. Does nothing where there is none.

        Raises:
            ValueError: it is another: the values have changed since the service made it.
            TypeError: the params or a slot don't hold numbers.

        >>> checkpoint = Checkpoint({"name": "sgd"}, "float64", 3, [0.5], {"momentum_buffer": [0.25]}, "sha-256:00")
        >>> checkpoint.verify()
        Traceback (most recent call last):
        ...
        ValueError: digest is 'sha-256:00', the values have 'sha-256:9543aca...
        """
        if self.digest is None:
            return
        dtype = dtype_named(self.dtype)
        hashed = hashlib.sha256()
        for role, values in (("params", self.params), *self._ordered_slots()):
            for tensor in little_endian(take(role, values, dtype)[0]):
                hashed.update(tensor)
        computed = f"sha-256:{hashed.hexdigest()}"
        if computed != self.digest:
            raise ValueError(
                f"digest is {self.digest!r}, the values have {computed!r}; take it away if you changed them"
            )

    def save(self, path: FilePath) -> None:
        """Write the checkpoint to a file, whole or not at all: JSON, or safetensors where its name ends in that.

        What was at `path` stays until everything has reached the disk, and is then replaced; on failure nothing is left
        behind.

        Args:
            path: of the file, in a folder that exists. One that ends in `.safetensors` gets what `to_safetensors`
                gives, any other what `to_json` gives.

        Raises:
            ValueError, TypeError: the values are not finite numbers, or not those of `digest`; nothing was written.
            OSError: the file can't be written; its `filename` is `path`.

        >>> checkpoint = client.session("docs-save", params=[1.0, 2.0]).state()
        >>> checkpoint.save(folder / "run.json")
        >>> Checkpoint.load(folder / "run.json").params
        array([1., 2.])
        """
        self.verify()
        write_whole(path, self.to_safetensors() if _is_safetensors(path) else self.to_json())

    @classmethod
    def load(cls, path: FilePath) -> Checkpoint:
        """Read a checkpoint from a file that `save` or the service wrote; the values are arrays. The name says how.

        The digest is checked where the file has one: a checkpoint that comes back has the values that were saved.

        Args:
            path: of the file.

        Raises:
            ValueError: what is in the file is damaged, or no checkpoint; it names the file and the reason.
            OSError: the file can't be read.

        >>> _ = (folder / "cut.json").write_bytes(b'{"optimizer":')
        >>> Checkpoint.load(folder / "cut.json")
        Traceback (most recent call last):
        ...
        ValueError: .../cut.json: unexpected end of data: line 1 column 14 (char 13)
        """
        written = read_whole(path)
        try:
            checkpoint = cls.from_safetensors(written) if _is_safetensors(path) else cls.from_json(written)
            checkpoint.verify()
        except ValueError as error:
            raise ValueError(f"{fspath(path)}: {error}") from None
        return checkpoint

    def _ordered_slots(self) -> list[tuple[str, Any]]:
        """As the digest has them: in the order of the catalogue, in whichever order they were written."""
        name = str(self.optimizer.get("name"))
        return [(slot, self.state[slot]) for slot in slot_order(name, self.state)]

    @classmethod
    def read(cls, document: Any, form: Form | None = None) -> Checkpoint:
        """From the decoded document, values in `form`, or as arrays. Raises ValueError where it is no checkpoint."""
        try:
            dtype = dtype_named(document["dtype"])
            params = decode(document["params"], dtype)
            chosen = form_of(params) if form is None else form
            return cls(
                optimizer=dict(document["optimizer"]),
                dtype=dtype.name,
                step=int(document["step"]),
                params=give(params, chosen),
                state={slot: give(decode(values, dtype), chosen) for slot, values in document["state"].items()},
                digest=document.get("digest"),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is no checkpoint: {error!r}") from None

    @classmethod
    def of_contents(cls, contents: Contents, form: Form | None = None) -> Checkpoint:
        """From tensors and metadata, like `read`."""
        try:
            roles = roles_of(contents.tensors)
            params = roles.pop("params")
            optimizer, step = (orjson.loads(contents.metadata[name]) for name in ("optimizer", "step"))
            if not isinstance(optimizer, dict) or not isinstance(step, int):
                raise TypeError(f"the metadata has the optimizer {optimizer!r} and the step {step!r}")  # noqa: TRY301
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no checkpoint: {error!r}") from None
        if any(shape_of(slot) != shape_of(params) for slot in roles.values()):
            raise ValueError("this is no checkpoint: a slot has another shape than the params")
        chosen = form_of(params) if form is None else form
        return cls(
            optimizer=optimizer,
            dtype=next(iter(contents.tensors.values())).dtype.name,
            step=step,
            params=give(params, chosen),
            state={slot: give(values, chosen) for slot, values in roles.items()},
            digest=contents.metadata.get("digest"),
        )


def _is_safetensors(path: FilePath) -> bool:
    return str(fspath(path)).endswith(".safetensors")
