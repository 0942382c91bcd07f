"""Builds and installs the distributions as a user would get them, without a network and apart from the checkout."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python"


def build(source: Path, target: str, folder: Path) -> Path:
    """Builds `wheel` or `sdist` of the project at `source` into `folder`."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return path


def install(wheel: Path, folder: Path) -> Path:
    """Installs the wheel alone into `folder`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True, capture_output=True, text=True)
    return folder


def python(installed: Path, *arguments: str) -> str:
    """What Python prints with the distribution at `installed` and the locked packages, but not the checkout.

    -S leaves the .pth files of site-packages unread, and so the editable installs out.
    """
    packages = [str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STEPD_"))}
    environment |= {"PYTHONPATH": os.pathsep.join(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", "-W", "error", *arguments]
    ran = subprocess.run(command, cwd=installed, env=environment, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()
