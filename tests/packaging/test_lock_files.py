"""The lock files name every package by version and hash, name no place to get it from, and cover what is declared."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Each lock with the extras, and with the groups, that it holds.
LOCKS = {"serve": ("fast",), "demo": ("fast", "demo"), "dev": ("fast", "demo", "postgresql"), "bench": ("fast",)}
GROUPS = {"serve": ("build",), "demo": ("build",), "dev": ("build", "dev"), "bench": ("build", "bench")}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """One line of a lock file, its continuations joined."""

    requirement: Requirement
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return next(iter(self.requirement.specifier)).version

    def applies(self, python: str) -> bool:
        return _applies(self.requirement.marker, python)


def _applies(marker: Marker | None, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return marker is None or marker.evaluate(environment)


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")


def pins(lock: str) -> list[Pin]:
    lines = text_of(lock).replace("\\\n", " ").splitlines()
    found = []
    for line in filter(None, map(str.strip, lines)):
        requirement, *options = re.split(r"\s+(?=--)", line)
        found.append(Pin(Requirement(requirement), tuple(options)))
    return found


def project(folder: str = ".") -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))


def declared(lock: str) -> list[Requirement]:
    """What pyproject.toml asks for and the lock must hold; all but `serve` hold what the client needs."""
    table = project()
    asked = [*table["project"]["dependencies"], *table["build-system"]["requires"]]
    for extra in LOCKS[lock]:
        asked += table["project"]["optional-dependencies"][extra]
    for group in GROUPS[lock]:
        asked += table["dependency-groups"][group]
    if lock != "serve":
        client = project("clients/python")
        asked += [*client["project"]["dependencies"], *client["build-system"]["requires"]]
    return [Requirement(one) for one in asked]


def needs_of(name: str) -> list[Requirement]:
    """What an installed package needs here, its own extras left out; nothing where the marker kept it away."""
    try:
        needed = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    found = [Requirement(one) for one in needed]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    """Each line is one exact version and at least one SHA-256, nothing else."""
    assert len(pins(lock)) > 10
    for pin in pins(lock):
        specifiers = list(pin.requirement.specifier)
        assert [one.operator for one in specifiers] == ["=="], f"{pin.name} is not pinned"
        assert "*" not in specifiers[0].version, f"{pin.name} is pinned to many versions"
        assert pin.options, f"{pin.name} has no hash"
        assert all(HASH.fullmatch(option) for option in pin.options), f"{pin.name} has an option other than hashes"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path(lock: str) -> None:
    """Where packages come from is for each machine's own pip to say: no address, no path, no option but hashes."""
    rest = HASH.sub("", text_of(lock))
    for forbidden in ("--", "://", "@", "/", "file:", ".whl", ".tar"):
        assert forbidden not in rest, f"requirements/{lock}.txt holds {forbidden!r}"
    assert all(pin.requirement.url is None for pin in pins(lock))


def test_there_is_no_other_lock_file() -> None:
    """What these tests check is all there is in requirements/."""
    assert sorted(path.name for path in (ROOT / "requirements").iterdir()) == sorted(f"{lock}.txt" for lock in LOCKS)


@pytest.mark.parametrize("lock", ["serve", "demo"])
def test_tests_run_what_is_served(lock: str) -> None:
    """Every line of the other locks stands in the tests' lock too, with the same version, marker and hashes."""
    tested = {(str(pin.requirement), pin.options) for pin in pins("dev")}
    for pin in pins(lock):
        assert (str(pin.requirement), pin.options) in tested, f"{pin.requirement} is installed but not tested"


def test_benchmarks_measure_what_is_served() -> None:
    """Every line of the service's lock stands in the benchmarks' lock, with the same version, marker and hashes."""
    measured = {(str(pin.requirement), pin.options) for pin in pins("bench")}
    for pin in pins("serve"):
        assert (str(pin.requirement), pin.options) in measured, f"{pin.requirement} is served but not measured"


@pytest.mark.parametrize("lock", LOCKS)
def test_extras_are_pinned_with_their_package(lock: str) -> None:
    """Where one package needs another with an extra, the pin names it: older pips take `coverage[toml]` for a
    package of its own, find it unpinned and refuse to install as soon as there is a newer release."""
    pinned = {pin.name: pin.requirement.extras for pin in pins(lock)}
    wanted = {
        (canonicalize_name(needed.name), extra, name)
        for name in pinned
        for needed in needs_of(name)
        for extra in needed.extras
    }
    assert lock != "dev" or ("coverage", "toml", "pytest-cov") in wanted
    for name, extra, wanting in wanted:
        assert extra in pinned[name], f"{wanting} needs {name}[{extra}]"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_name_has_one_version_at_a_time(lock: str) -> None:
    """On any one Python pip finds no name twice."""
    for python in PYTHONS:
        names = [pin.name for pin in pins(lock) if pin.applies(python)]
        assert sorted(names) == sorted(set(names)), f"on Python {python}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_what_is_declared(lock: str, python: str) -> None:
    """Every dependency, extra and group of pyproject.toml, and of the client's for tests, is met by a pin."""
    pinned = {pin.name: pin for pin in pins(lock) if pin.applies(python)}
    for requirement in declared(lock):
        if not _applies(requirement.marker, python):
            continue
        pin = pinned.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement} is declared but not in requirements/{lock}.txt: run make lock"
        assert requirement.specifier.contains(pin.version), f"{requirement} is declared, {pin.version} is locked"


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize(("name", "last"), [("numba", "3.15"), ("llvmlite", "3.15"), ("pysimdjson", "3.13")])
def test_the_extras_are_left_out_where_they_have_no_wheel(lock: str, name: str, last: str) -> None:
    """A marker takes each on every Python that it has wheels for, and stops an install from source on later ones."""
    (pin,) = [pin for pin in pins(lock) if pin.name == name]
    pythons = [*PYTHONS, "3.15", "3.16"]
    assert [python for python in pythons if pin.applies(python)] == pythons[: pythons.index(last) + 1]


def test_the_lock_covers_the_oldest_python_that_the_project_allows() -> None:
    """The first of the Pythons tried above is the oldest that requires-python lets in."""
    (oldest,) = Requirement(f"python{project()['project']['requires-python']}").specifier
    assert str(oldest) == f">={PYTHONS[0]}"


def test_the_lock_of_the_javascript_client_names_hashes_and_no_place() -> None:
    """Every package that it is tested with has a version and a hash; where npm gets it from is for npm to know."""
    lock = json.loads((ROOT / "clients" / "javascript" / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert not [name for name, package in packages.items() if not package.get("dev")], "the client has a dependency"
