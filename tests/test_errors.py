"""The error tree: as it is drawn, with a stable code each, and pointers that find their place."""

import re

import pytest

from stepd import errors
from stepd.errors import MAX_FIELD_ERRORS, FieldError, InvalidField, StepdError, all_errors, pointer


def drawn_tree() -> list[tuple[str, str, str]]:
    """(class, its base, its code or '') of each line of the drawing in the module's text."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if "──" in line or line == "StepdError"]
    found: list[tuple[str, str, str]] = []
    bases: dict[int, str] = {}
    for line in lines:
        depth = len(re.match(r"[│├└─ ]*", line)[0]) // 4
        name, _, note = line.lstrip("│├└─ ").partition(" ")
        bases[depth] = name
        code = note.strip()
        found.append((name, bases.get(depth - 1, "Exception"), code if re.fullmatch(r"[a-z-]+", code) else ""))
    return found


def classes(base: type[StepdError] = StepdError) -> list[type[StepdError]]:
    return [base, *(found for child in base.__subclasses__() for found in classes(child))]


def test_the_drawing_is_the_tree() -> None:
    """Every class stands in the drawing under its base and with its code, in the order of the file."""
    real = [(kind.__name__, kind.__bases__[0].__name__, kind.code) for kind in classes()]
    assert drawn_tree() == real


def test_codes_are_stable_names() -> None:
    """Codes are kebab-case, unique and each has a title; only families have none."""
    coded = list(all_errors())
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", kind.code) for kind in coded)
    assert len({kind.code for kind in coded}) == len(coded) == sum(bool(kind.code) for kind in classes())
    assert all(kind.title for kind in coded)
    assert all(kind.__subclasses__() for kind in classes() if not kind.code)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ((), ""),
        (("grads",), "/grads"),
        (("grads", 3, 0), "/grads/3/0"),
        (("params", "a/b~c"), "/params/a~1b~0c"),
        (("params", "~1"), "/params/~01"),
        (("params", ""), "/params/"),
        (("params", "ä b"), "/params/ä b"),
    ],
)
def test_pointers_are_those_of_rfc_6901(parts: tuple[str | int, ...], wanted: str) -> None:
    """`~` becomes `~0` before `/` becomes `~1`, so that every name can be told apart."""
    assert pointer(*parts) == wanted
    assert FieldError.at(*parts, detail="x") == FieldError(wanted, "x")


def test_ten_places_at_most() -> None:
    """Of many places in the body the first ten are kept."""
    places = [FieldError(f"/grads/{i}", "bad") for i in range(25)]
    error = InvalidField("bad", errors=places)
    assert MAX_FIELD_ERRORS == 10
    assert error.errors == tuple(places[:10])


def test_an_error_keeps_its_own_members() -> None:
    """`extra` is copied, and the detail is the exception's text."""
    extra: dict[str, str | int | list[str]] = {"step": 3}
    error = InvalidField("why", extra=extra)
    extra["step"] = 4
    assert (str(error), error.detail, error.extra, error.errors) == ("why", "why", {"step": 3}, ())
