"""Settings: read once from STEPD_*, frozen, refused where they are unsafe."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from stepd import settings as module
from stepd.machine import processors
from stepd.settings import Settings, UnsafeSettings, is_loopback, refuse_more_workers, unknown_variables

DEFAULTS = {
    "host": "127.0.0.1",
    "port": 8000,
    "insecure": False,
    "driver": "auto",
    "max_json_bytes": 16 * 2**20,
    "max_session_bytes": 500 * 2**20,
    "max_in_flight_bytes": 250 * 2**20,
    "max_tensors": 4096,
    "keys_per_session": 64,
    "data": None,
    "store": None,
    "durability": "memory",
    "snapshot_s": 30.0,
    "snapshot_steps": 1000,
    "history_steps": 100_000,
    "history_bytes": 2**30,
    "max_wait_s": 60.0,
    "shutdown_s": 10.0,
    "threads": processors(),
    "access_log": False,
    "log_format": "console",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No STEPD_ variable of the caller's, and a machine of 1,000 MiB."""
    for name in [name for name in os.environ if name.upper().startswith("STEPD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(module, "memory_bytes", lambda: 1000 * 2**20)


def test_defaults() -> None:
    """Sessions may take half of the memory, requests in flight a quarter; it listens on loopback."""
    assert Settings().model_dump() == DEFAULTS


def test_every_setting_says_what_it_is_for() -> None:
    """No setting is without a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "::1", "::1"),
        ("port", "0", 0),
        ("insecure", "1", True),
        ("driver", "blocked", "blocked"),
        ("max_json_bytes", "1024", 1024),
        ("max_session_bytes", "1048576", 2**20),
        ("max_in_flight_bytes", "2000000", 2_000_000),
        ("max_tensors", "1", 1),
        ("keys_per_session", "4096", 4096),
        ("data", "some/folder", Path("some/folder")),
        ("store", "postgresql://127.0.0.1/stepd", "postgresql://127.0.0.1/stepd"),
        ("durability", "journal", "journal"),
        ("snapshot_s", "0.5", 0.5),
        ("snapshot_steps", "7", 7),
        ("history_steps", "1", 1),
        ("history_bytes", "1000", 1000),
        ("max_wait_s", "0.5", 0.5),
        ("shutdown_s", "3", 3.0),
        ("threads", "77", 77),
        ("access_log", "true", True),
        ("log_format", "json", "json"),
    ],
)
def test_each_comes_from_its_variable(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPD_<NAME> sets it, and only it."""
    monkeypatch.setenv(f"STEPD_{name.upper()}", text)
    assert Settings().model_dump() == {**DEFAULTS, name: value}


def test_no_variable_is_forgotten() -> None:
    """The table of defaults above holds every setting there is."""
    assert list(DEFAULTS) == list(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", "http"),
        ("driver", "gpu"),
        ("max_json_bytes", "1023"),
        ("max_session_bytes", "1048575"),
        ("max_in_flight_bytes", "0"),
        ("max_tensors", "0"),
        ("keys_per_session", "0"),
        ("keys_per_session", "4097"),
        ("durability", "disk"),
        ("snapshot_s", "0"),
        ("snapshot_steps", "0"),
        ("history_steps", "0"),
        ("history_bytes", "0"),
        ("max_wait_s", "0"),
        ("max_wait_s", "3601"),
        ("max_wait_s", "nan"),
        ("shutdown_s", "0"),
        ("threads", "0"),
        ("access_log", "perhaps"),
        ("log_format", "xml"),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting."""
    monkeypatch.setenv(f"STEPD_{name.upper()}", text)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_an_unknown_argument_is_refused() -> None:
    """A misspelt setting does not pass for the default."""
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=9000)  # type: ignore[call-arg]


def test_settings_are_frozen() -> None:
    """Nothing changes a setting while the service runs."""
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_misspelt_variables_are_found() -> None:
    """A STEPD_ variable that sets nothing is named, in any case; those of others, and of the client, are not."""
    given = ["STEPD_PROT", "stepd_hosts", "STEPD_PORT", "stepd_host", "STEPD_URL", "STEPDX", "PATH", "MY_STEPD_X"]
    assert unknown_variables(dict.fromkeys(given, "1")) == ["STEPD_PROT", "stepd_hosts"]


def test_what_is_to_be_kept_needs_a_place() -> None:
    """A level without a store is refused, and so are two stores; a store without a level is for who asks."""
    for given in ({"durability": "journal"}, {"data": Path("here"), "store": "postgresql://there/stepd"}):
        with pytest.raises(UnsafeSettings, match="STEPD_"):
            Settings(**given).refuse_lost()
    Settings(data=Path("here")).refuse_lost()
    assert Settings(data=Path("here"), durability="journal").store_address == str(Path("here", "stepd.db"))
    assert Settings(store="postgresql://there/stepd").store_address == "postgresql://there/stepd"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_loopback_hosts_are_safe(host: str) -> None:
    """Addresses that only this machine reaches need no further word."""
    assert is_loopback(host)
    Settings(host=host).refuse_unsafe()


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.1", "10.0.0.1", "2001:db8::1", "example.org", "127.1", ""],  # noqa: S104
)
def test_other_hosts_are_refused(host: str) -> None:
    """A host that others may reach, or that can't be judged, is refused with its name and with the way to mean it."""
    assert not is_loopback(host)
    with pytest.raises(UnsafeSettings) as refused:
        Settings(host=host).refuse_unsafe()
    assert repr(host) in str(refused.value)
    assert "STEPD_INSECURE=1" in str(refused.value)
    Settings(host=host, insecure=True).refuse_unsafe()


@pytest.mark.parametrize(
    ("workers", "web_concurrency", "named"),
    [(2, None, "--workers is 2"), (0, None, "--workers is 0"), (1, "4", "WEB_CONCURRENCY is 4"), (3, "4", "--workers")],
)
def test_several_processes_are_refused(workers: int, web_concurrency: str | None, named: str) -> None:
    """More than one process is refused by the name of what asked for it."""
    with pytest.raises(UnsafeSettings, match=named):
        refuse_more_workers(workers, web_concurrency)


@pytest.mark.parametrize("web_concurrency", [None, "", "1"])
def test_one_process_is_fine(web_concurrency: str | None) -> None:
    """One is one, whether or not the environment says so."""
    refuse_more_workers(1, web_concurrency)
