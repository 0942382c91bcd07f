"""What a Session object knows between requests, and how answers change it. No request is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepd_client.answers import Validator, validator_of
from stepd_client.formats import Format, is_binary, size_of_shape
from stepd_client.info import SessionInfo
from stepd_client.values import Arrays, DType, Form, Shape, form_of, give, shape_of, zeros
from stepd_client.wire import Answer


@dataclass
class Held:
    """The session as last heard of. `arrays` are the params of the state that `validator` names, or None.

    `form` is the kind in which the caller last gave values, and so wants them back; None until there are any. `format`
    is that in which values travel.
    """

    id: str
    optimizer: Mapping[str, Any]
    dtype: DType
    shape: Shape | Mapping[str, Shape] | None
    validator: Validator
    arrays: Arrays | None = None
    form: Form | None = None
    format: Format = "auto"

    @classmethod
    def of(cls, info: SessionInfo, answer: Answer, chosen: Format) -> Held:
        return cls(info.id, info.optimizer, info.dtype, info.shape, validator_of(answer), format=chosen)

    @property
    def binary(self) -> bool:
        """Whether its values come in a binary format."""
        return is_binary(self.format, size_of_shape(self.shape))

    def see(self, answer: Answer, arrays: Arrays | None, form: Form | None = None) -> None:
        """Takes over the state that the answer names, with the params of that state where they are known."""
        self.validator = validator_of(answer)
        self.arrays = arrays
        if arrays is not None:
            self.shape = shape_of(arrays)
        if form is not None:
            self.form = form

    def see_zeros(self) -> None:
        """After a create by shape alone: the params are zeros."""
        self.arrays = None if self.shape is None else zeros(self.shape, self.dtype)

    def become(self, info: SessionInfo) -> None:
        """After the id went to another session: everything that a session has for life."""
        self.optimizer, self.dtype, self.shape = info.optimizer, info.dtype, info.shape

    def given_shape(self) -> Shape | dict[str, Shape] | None:
        """The shape, names in the order in which the caller last gave them."""
        if not isinstance(self.shape, Mapping):
            return self.shape
        named = [name for name, _ in self.form.named] if self.form is not None else []
        order = named if set(named) == set(self.shape) else self.shape
        return {name: self.shape[name] for name in order}

    def given(self) -> Any:
        """The params in the caller's form, the caller's to keep; None where they are not known."""
        return None if self.arrays is None else give(self.arrays, self.form or form_of(self.arrays))
