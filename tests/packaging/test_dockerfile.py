"""The image: what it is made from, who it runs as, how it starts, and that it is safe unless told otherwise."""

import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stepd
from stepd.settings import Settings, UnsafeSettings
from tests.packaging.dockerfile import Instruction, instructions, is_ignored

ROOT = Path(__file__).parents[2]
DOCKERFILE = instructions((ROOT / "Dockerfile").read_text("utf-8"))
FINAL = max(one.stage for one in DOCKERFILE)
IGNORE = [
    line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")
]
BASE = "python:3.13-slim-trixie"


def final(name: str) -> list[Instruction]:
    """The instructions of that name that shape the image itself, not the stage that builds."""
    return [one for one in DOCKERFILE if one.name == name and one.stage == FINAL]


def settings_of(instruction_name: str) -> dict[str, str]:
    """What ENV or LABEL sets in the image."""
    words = [word for one in final(instruction_name) for word in one.words()]
    return dict(word.split("=", 1) for word in words)


def commands() -> str:
    return "\n".join(one.value for one in DOCKERFILE if one.name == "RUN")


def test_every_stage_starts_from_the_same_slim_python() -> None:
    """The environment that one stage makes fits the interpreter of the other."""
    assert [one.words()[0] for one in DOCKERFILE if one.name == "FROM"] == [BASE, BASE]


def test_it_runs_as_a_numbered_user_other_than_root() -> None:
    """The last USER is a number, by which Kubernetes can tell that it is not root."""
    user, group = final("USER")[-1].value.split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_final_stage_only_copies() -> None:
    """Nothing is installed where the image is made: it takes the finished environment and no more."""
    assert final("RUN") == []
    assert final("ADD") == []
    assert [one.value for one in final("COPY")] == ["--from=builder /opt/stepd /opt/stepd"]


def test_it_starts_the_service_without_a_shell() -> None:
    """`docker run image` runs `stepd serve` as the first process, which signals reach."""
    command = final("ENTRYPOINT")[-1].exec_form() + final("CMD")[-1].exec_form()
    assert command == ["stepd", "serve"]
    assert final("STOPSIGNAL")[-1].value == "SIGTERM"
    assert settings_of("ENV")["PATH"].startswith("/opt/stepd/bin:")


def test_it_listens_where_it_says() -> None:
    """It listens on every address of the container and on the port that it exposes, the default one."""
    assert settings_of("ENV")["STEPD_HOST"] == "0.0.0.0"  # noqa: S104 - inside the container
    assert [one.value for one in final("EXPOSE")] == [str(Settings.model_fields["port"].default)]


def test_it_refuses_to_start_unless_told_that_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stage sets STEPD_INSECURE, and with the image's own settings the service refuses and names that variable."""
    assert not any("STEPD_INSECURE" in one.value for one in DOCKERFILE)
    monkeypatch.delenv("STEPD_INSECURE", raising=False)
    for name, value in settings_of("ENV").items():
        if name.startswith("STEPD_"):
            monkeypatch.setenv(name, value)
    with pytest.raises(UnsafeSettings, match="STEPD_INSECURE=1"):
        Settings().refuse_unsafe()
    monkeypatch.setenv("STEPD_INSECURE", "1")
    Settings().refuse_unsafe()


def test_it_writes_no_bytecode_and_holds_no_line_back() -> None:
    """The bytecode is compiled when the image is made; log lines appear as they are written."""
    assert settings_of("ENV").items() >= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}.items()
    assert "-m compileall" in commands()
    assert "--invalidation-mode unchecked-hash" in commands()


def test_the_labels_say_what_it_is() -> None:
    """Version, licence and description are those of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in settings_of("LABEL").items()}
    assert labels["title"] == project["name"]
    assert labels["version"] == project["version"] == stepd.__version__
    assert labels["licenses"] == project["license"]
    assert labels["description"] == project["description"]


def test_installs_take_only_what_the_lock_names() -> None:
    """The lock is installed by hash and from wheels; the project itself may fetch nothing."""
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&\n]+)", commands())
    assert len(installs) == 2
    assert set(installs[0].split()) == {"--require-hashes", "--only-binary", ":all:", "-r", "requirements/serve.txt"}
    assert set(installs[1].split()) == {"--no-deps", "--no-build-isolation", "--no-index", "."}


def closure(names: list[str]) -> set[str]:
    """These distributions and all that they need, here."""
    found: set[str] = set()
    queue = [Requirement(name) for name in names]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if name in found and not extra:
                continue
            found.add(name)
            needs = map(Requirement, requires(name) or [])
            queue += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return found


def test_what_only_builds_is_removed() -> None:
    """Exactly what the build group brings and the service doesn't need is uninstalled again."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["build"]
    (removed,) = re.findall(r"uninstall ([^&\n]+)", commands())
    names = {word for word in removed.split() if not word.startswith("-")}
    assert names == closure(build) - closure(["stepd[fast]"])


def test_the_builder_gets_what_is_copied() -> None:
    """Every file of each COPY exists and is let through by .dockerignore."""
    sources = [
        word for one in DOCKERFILE if one.name == "COPY" and "--from" not in one.value for word in one.words()[:-1]
    ]
    assert {"requirements/serve.txt", "pyproject.toml", "LICENSE", "service"} <= set(sources)
    for source in sources:
        path = ROOT / source
        assert path.exists(), f"{source} is copied but not there"
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for name in (file.relative_to(ROOT).as_posix() for file in files if file.suffix != ".pyc"):
            assert not is_ignored(name, IGNORE), f"{name} is copied but ignored"


@pytest.mark.parametrize(
    "name",
    [".venv/bin/python", ".git/config", "tests/needs.py", "service/stepd/__pycache__/app.pyc", "clients/a", ".env"],
)
def test_the_builder_gets_nothing_else(name: str) -> None:
    """What the image doesn't need, secrets lying around among it, is never sent."""
    assert is_ignored(name, IGNORE)


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A service that answers every GET with `status`: its port, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


def health(port: int) -> int:
    """The exit status of the image's own HEALTHCHECK with that STEPD_PORT, and a proxy set that is not there."""
    python, *arguments = final("HEALTHCHECK")[-1].exec_form()
    assert python == "python"
    environment = {"STEPD_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_the_health_check_asks_whether_it_is_alive(status: int, healthy: bool) -> None:
    """It asks /livez on STEPD_PORT, with Python alone, and takes 200 for well."""
    with answering(status) as (port, asked):
        assert (health(port) == 0) is healthy
    assert asked == ["/livez"]


def test_the_health_check_fails_where_nothing_listens() -> None:
    """A service that is gone is not healthy."""
    with answering(200) as (port, _):
        pass
    assert health(port) != 0
