"""What the machine or the container allows: the smallest limit counts."""

import os
from pathlib import Path

import pytest

from stepd import machine

PHYSICAL = 8 * 2**30


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two control group files, neither there yet, on a machine of 8 GiB."""
    paths = [tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"]
    monkeypatch.setattr(machine, "CGROUP_LIMITS", tuple(map(str, paths)))
    real = os.sysconf
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": PHYSICAL // 4096}
    monkeypatch.setattr(os, "sysconf", lambda name: pages[name] if name in pages else real(name))
    return paths


@pytest.mark.parametrize(
    ("version_2", "version_1", "wanted"),
    [
        (None, None, PHYSICAL),
        ("max\n", None, PHYSICAL),
        ("1073741824\n", None, 2**30),
        (None, "536870912\n", 2**29),
        (None, "9223372036854771712\n", PHYSICAL),  # what version 1 says where there is no limit
        ("2147483648", "1073741824", 2**30),
        (str(2 * PHYSICAL), None, PHYSICAL),
    ],
)
def test_the_smallest_limit_counts(
    limits: list[Path], version_2: str | None, version_1: str | None, wanted: int
) -> None:
    """The machine's memory or a control group's limit of either version, whichever is less."""
    for path, text in zip(limits, (version_2, version_1), strict=True):
        if text is not None:
            path.write_text(text)
    assert machine.memory_bytes() == wanted


def test_processors_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is bound to two processors has two, however many the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert machine.processors() == 2


@pytest.mark.parametrize(("counted", "wanted"), [(6, 6), (None, 1)])
def test_processors_without_affinity(counted: int | None, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows no affinity the machine's processors count, and at least one."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert machine.processors() == wanted
