"""What README tells a newcomer to do works as printed, and what it shows is the real answer."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, marked_block, read
from tests.needs import require_program
from tests.node import CLIENT, node, run
from tests.server import Running

README = read("README.md")
ADDRESS = "http://127.0.0.1:8000"


def run_shell(script: str, server: Running) -> str:
    """Runs a script as printed, but for the address."""
    require_program("curl", "apt-get install curl")
    assert ADDRESS in script
    command = script.replace(ADDRESS, server.url).replace("curl ", "curl --silent --show-error --fail-with-body ")
    return subprocess.run(["/bin/sh", "-ec", command], check=True, capture_output=True, text=True).stdout


def run_python(script: str) -> str:
    command = [sys.executable, "-W", "error", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_curl_command_gives_the_answer_that_is_shown(server: Running) -> None:
    """The first thing that a reader tries answers what the page says, digit for digit."""
    command, answer = re.search(r"```console\n\$ (.*?)\n```\n\n```json\n(.*?)```", README, re.DOTALL).groups()
    assert json.loads(run_shell(command, server)) == json.loads(answer)


def test_the_commands_of_a_session_work_in_order(server: Running) -> None:
    """Create, step, read, delete: each answers, and the step's answer is the state's params."""
    answers = run_shell(marked_block("README.md", "session"), server)
    decoder, documents, rest = json.JSONDecoder(), [], answers.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[end:].strip()
    created, stepped, state = documents
    assert created["step"] == 0
    assert stepped["step"] == state["step"] == 1
    assert stepped["params"] == state["params"]
    assert server.session("run-7").get().status_code == 404


def test_the_python_client_example_runs(server: Running) -> None:
    """The client's example takes three steps downhill and leaves nothing behind."""
    shown = run_python(marked_block("README.md", "python-client").replace(ADDRESS, server.url))
    step, *params = shown.replace("[", "").replace("]", "").split()
    assert step == "3"
    assert all(0 < float(after) < before for after, before in zip(params, (1.0, 2.0), strict=True))
    assert server.session("run-8").get().status_code == 404


def test_the_javascript_client_example_runs(server: Running, tmp_path: Path) -> None:
    """The example finds the package by its name, takes three steps downhill and leaves nothing behind."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "stepd-client").symlink_to(CLIENT)
    (tmp_path / "example.mjs").write_text(marked_block("README.md", "javascript-client").replace(ADDRESS, server.url))
    step, *params = run(node(), "example.mjs", folder=tmp_path).split()
    assert step == "3"
    assert all(0 < float(after) < before for after, before in zip(params, (1.0, 2.0), strict=True))
    assert server.session("run-9").get().status_code == 404


def test_the_textbook_example_runs_without_a_server() -> None:
    """Both textbook forms give the same step."""
    block = marked_block("README.md", "textbook")
    first, second = block.split("\n\nparams, square_avg")
    shown = run_python(f"{first}\nprint(params.tolist())\nparams, square_avg{second}\nprint(params.tolist())")
    lines = shown.splitlines()
    assert lines[0] == lines[1]
    assert json.loads(lines[0])[0] < 1.0


def test_the_map_of_the_tree_is_complete() -> None:
    """Every folder at the top, and every file that is a command or an image, has its line in the map."""
    tree = README[README.index("## The tree") :]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for folder in {path.split("/")[0] for path in tracked if "/" in path and not path.startswith(".")}:
        assert f"`{folder}/" in tree, folder
    for file_name in ("Makefile", "Dockerfile"):
        assert f"`{file_name}`" in tree


@pytest.mark.parametrize("command", ["make serve", "make test"])
def test_the_two_commands_are_there(command: str) -> None:
    """README leads with the two commands, and the Makefile has them."""
    assert re.search(rf"^{command}\b", README, re.MULTILINE)
    assert f"\n{command.split()[1]}:" in read("Makefile")


def test_the_container_line_publishes_on_loopback_only() -> None:
    """Nobody who follows README opens an unprotected port to others."""
    (line,) = re.findall(r"^docker run .*$", README, re.MULTILINE)
    assert "-e STEPD_INSECURE=1 -p 127.0.0.1:8000:8000" in line
