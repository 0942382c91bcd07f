"""The example in README.md is run as it stands, against a real service."""

import re
import textwrap
from pathlib import Path

import stepd_client

README = Path(__file__).parents[1] / "README.md"


def examples():
    """The indented programs, each from its imports to the end of the block."""
    blocks = re.findall(r"(?:^    .*\n|(?<=\n)\n(?=    ))+", README.read_text("ascii"), re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in blocks]


def run(example):
    names = {"__name__": "readme"}
    exec(compile(example, str(README), "exec"), names)  # noqa: S102 - our own README
    return names


def test_the_readmes_example_runs_and_learns(live_server, monkeypatch, capsys, tmp_path):
    """Fifteen lines, one hundred steps, params on their way to the target, and a checkpoint of them in a file."""
    monkeypatch.setenv("STEPD_URL", live_server)
    monkeypatch.chdir(tmp_path)
    names = run(examples()[0])
    assert capsys.readouterr().out.startswith("100 [")
    assert (abs(names["params"] - names["target"]) < abs(names["target"])).all()
    assert (stepd_client.Checkpoint.load("readme.json").params == names["params"]).all()
    assert len(examples()[0].splitlines()) <= 15


def test_the_readmes_other_examples_say_what_a_step_gives(live_server, client, monkeypatch, capsys):
    """The awaited one lists its session and the params of its step, the local one prints them; nothing is left."""
    monkeypatch.setenv("STEPD_URL", live_server)
    _, with_await, local = examples()
    for info in client.sessions():
        client.delete(info.id)
    stepped = "[0.9955280429197062, 2.004471957080294]"
    run(with_await)
    assert capsys.readouterr().out == f"['readme-async'] {stepped}\n"
    run(local)
    assert capsys.readouterr().out == f"{stepped}\n"
    assert list(client.sessions()) == []


def test_the_readme_names_only_what_exists():
    """Every method that the README names is there."""
    text = README.read_text("ascii")
    for owner, member in re.findall(r"`(client|session|checkpoint)\.(\w+)", text):
        assert hasattr(getattr(stepd_client, owner.title()), member)
    for owner, member in re.findall(r"`(AsyncClient|Client)\.(\w+)", text):
        assert hasattr(getattr(stepd_client, owner), member)
    for name in re.findall(r"`([A-Z]\w+)\b", text):
        assert name in (*stepd_client.__all__, "Retry", "STEPD_URL")
