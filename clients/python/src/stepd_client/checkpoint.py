"""A whole session as values: what `state()` gives and `restore()` takes, and its form as a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from stepd_client.values import Form, decode, dtype_named, encode, form_of, give, take


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A session at one step: enough to go on from there, here or in another service, bit for bit.

    `optimizer` holds the name and every hyper-parameter; `dtype` is `float64` or `float32`. `params` is an array, a
    list or a dict of names, and `state` maps each slot (Adadelta: `square_avg` and `acc_delta`) to values like it.
    `digest` is the service's checksum over all values; it is checked on restore. To restore values that you changed,
    take it away: `dataclasses.replace(checkpoint, params=..., digest=None)`.
    """

    optimizer: Mapping[str, Any]
    dtype: str
    step: int
    params: Any = field(repr=False)
    state: Mapping[str, Any] = field(repr=False)
    digest: str | None = None

    def document(self) -> dict[str, Any]:
        """As the service takes it, for `orjson.dumps`.

        Raises:
            ValueError, TypeError: the params or a slot don't hold finite numbers.
        """
        dtype = dtype_named(self.dtype)
        document: dict[str, Any] = {
            "optimizer": dict(self.optimizer),
            "dtype": dtype.name,
            "step": self.step,
            "params": encode(take("params", self.params, dtype)[0]),
            "state": {slot: encode(take(slot, values, dtype)[0]) for slot, values in self.state.items()},
        }
        return document if self.digest is None else {**document, "digest": self.digest}

    def to_json(self) -> bytes:
        """One JSON object, UTF-8; every value reads back bit for bit.

        Raises:
            ValueError, TypeError: the params or a slot don't hold finite numbers.

        >>> Checkpoint({"name": "sgd"}, "float64", 3, [0.5], {"momentum_buffer": [0.25]}).to_json()
        b'{"optimizer":{"name":"sgd"},"dtype":"float64","step":3,"params":[0.5],"state":{"momentum_buffer":[0.25]}}'
        """
        return orjson.dumps(self.document())

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
