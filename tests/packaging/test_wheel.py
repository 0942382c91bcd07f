"""What is built holds all that the service needs and nothing else, and works where the checkout is not."""

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import stepd
from tests.packaging.built import CLIENT, ROOT, build, install, python

WEB = (
    "stepd/web/vendor/swagger-ui/swagger-ui-bundle.js",
    "stepd/web/static/client.js",
    "stepd/web/static/docs.js",
    "stepd/web/static/stepd.css",
)
ASK_FOR_PAGES = """
import asyncio, httpx, stepd
from stepd.app import create_app

async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app()), base_url="http://stepd") as client:
        for path in ("/docs", "/assets/docs.js", "/assets/swagger-ui-bundle.js", "/client.js", "/assets/none"):
            print(path, (await client.get(path)).status_code)

print(stepd.__file__)
asyncio.run(ask())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's wheel."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(ROOT, "sdist", folder)) as archive:
        # Python before 3.11.4 knows no filters; the archive is our own.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **safely)  # noqa: S202 - as above
    return folder / f"stepd-{stepd.__version__}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service's wheel is installed, alone."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's wheel."""
    return build(CLIENT, "wheel", tmp_path_factory.mktemp("client-wheel"))


@pytest.fixture(scope="module")
def installed_client(client_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client's wheel is installed, alone."""
    return install(client_wheel, tmp_path_factory.mktemp("installed-client"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources(folder: Path) -> set[str]:
    """Every file of a package in the checkout, by its path in a wheel."""
    return {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")
    }


def packaged(wheel: Path) -> set[str]:
    return {name for name in names(wheel) if ".dist-info/" not in name}


def test_the_wheel_is_the_package(wheel: Path) -> None:
    """Every file of service/stepd is in it, pages and golden cases too, and no file more."""
    assert packaged(wheel) == sources(ROOT / "service" / "stepd")
    assert packaged(wheel) >= {*WEB, "stepd/optimizers/golden.json", "stepd/py.typed"}


def test_the_wheel_has_no_tests(wheel: Path) -> None:
    """No test, and no folder of tests, gets installed."""
    assert not [name for name in names(wheel) if "/tests/" in name or name.rpartition("/")[2].startswith("test_")]


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    """LICENSE and NOTICE come along unchanged, and the licence of the bundled Swagger UI."""
    folder = f"stepd-{stepd.__version__}.dist-info/licenses"
    with zipfile.ZipFile(wheel) as archive:
        for name in ("LICENSE", "NOTICE"):
            assert archive.read(f"{folder}/{name}") == (ROOT / name).read_bytes()
    assert "stepd/web/vendor/swagger-ui/LICENSE" in names(wheel)


def test_the_source_distribution_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the source distribution holds the same bytes as one built from the checkout."""
    rebuilt = build(sdist, "wheel", tmp_path)
    with zipfile.ZipFile(rebuilt) as one, zipfile.ZipFile(wheel) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()
        }


def test_the_source_distribution_is_the_service_only(sdist: Path) -> None:
    """Neither the client, nor tests, nor anything else of the checkout is in it."""
    allowed = {"service", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert {path.name for path in sdist.iterdir()} <= allowed
    assert {path.name for path in (sdist / "service").iterdir()} == {"stepd"}


def test_the_installed_command_runs(installed: Path) -> None:
    """`python -m stepd version` prints the version, and the wheel declares the `stepd` command."""
    assert python(installed, "-m", "stepd", "version") == stepd.__version__
    entry_points = installed / f"stepd-{stepd.__version__}.dist-info" / "entry_points.txt"
    assert entry_points.read_text("utf-8").split() == ["[console_scripts]", "stepd", "=", "stepd.cli:main"]


def test_the_core_loads_nothing_of_the_service(installed: Path) -> None:
    """Importing stepd loads NumPy, but no web framework, log library, HTTP client or numba."""
    code = "import json, sys, stepd; print(json.dumps([stepd.__file__, sorted(sys.modules)]))"
    file, modules = json.loads(python(installed, "-c", code))
    assert Path(file).is_relative_to(installed)
    assert "numpy" in modules
    assert not {"fastapi", "starlette", "uvicorn", "pydantic", "structlog", "httpx", "numba"} & set(modules)


def test_the_installed_service_finds_its_files(installed: Path) -> None:
    """The application passes its golden cases and serves its pages from the installed package."""
    file, *statuses = python(installed, "-c", ASK_FOR_PAGES).splitlines()
    assert Path(file).is_relative_to(installed)
    found = ("/docs", "/assets/docs.js", "/assets/swagger-ui-bundle.js", "/client.js")
    assert statuses == [*(f"{path} 200" for path in found), "/assets/none 404"]


def test_the_client_wheel_is_the_client(client_wheel: Path) -> None:
    """Every file of the package is in it, py.typed too, and no file more."""
    assert packaged(client_wheel) == sources(CLIENT / "src" / "stepd_client")
    assert "stepd_client/py.typed" in packaged(client_wheel)


def test_the_client_works_without_the_service(installed_client: Path) -> None:
    """It imports where stepd can't be imported."""
    code = "import importlib.util as u, stepd_client; print(u.find_spec('stepd'), stepd_client.__file__)"
    spec, file = python(installed_client, "-c", code).split(maxsplit=1)
    assert spec == "None"
    assert Path(file).is_relative_to(installed_client)
