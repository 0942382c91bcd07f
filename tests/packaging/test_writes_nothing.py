"""The service needs no place to write to: a container's file system may be read-only, and nobody need own a home."""

from pathlib import Path

from tests.packaging.running import serving

# Whatever writes, numba's C++ too, fails at its first byte; pipes, where the log goes, are not files.
NO_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"


def test_compiling_serving_and_stopping_write_no_file(tmp_path: Path) -> None:
    """With every write to a file failing it compiles, serves and stops, and leaves no empty file in its folders."""
    folders = {name: tmp_path / name.lower() for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "PWD")}
    for folder in folders.values():
        folder.mkdir()
    environment = {name: str(folder) for name, folder in folders.items()} | {"PYTHONDONTWRITEBYTECODE": "1"}
    with serving(NO_FILES, folders["PWD"], environment) as service:
        assert service.driver()["compiled"] in ("serving", "not-installed")
        assert service.post("/v1/step", {"params": [1.0], "grads": [0.5]})["params"] == [0.9955280429197062]
    assert [path for path in tmp_path.rglob("*") if path not in folders.values()] == []
