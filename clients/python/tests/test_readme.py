"""The example in README.md is run as it stands, against a real service."""

import re
import textwrap
from pathlib import Path

import stepd_client

README = Path(__file__).parents[1] / "README.md"


def example():
    text = README.read_text("ascii")
    begin = text.index("    import numpy")
    return textwrap.dedent(re.match(r"(?:    .*\n|\n)+", text[begin:]).group())


def test_the_readmes_example_runs_and_learns(live_server, monkeypatch, capsys, tmp_path):
    """Fifteen lines, one hundred steps, params on their way to the target, and a checkpoint of them in a file."""
    monkeypatch.setenv("STEPD_URL", live_server)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example(), str(README), "exec"), names)  # noqa: S102 - our own README
    assert capsys.readouterr().out.startswith("100 [")
    assert (abs(names["params"] - names["target"]) < abs(names["target"])).all()
    assert (stepd_client.Checkpoint.load("readme.json").params == names["params"]).all()
    assert len(example().strip().splitlines()) <= 15


def test_the_readme_names_only_what_exists():
    """Every method that the README names is there."""
    text = README.read_text("ascii")
    for owner, member in re.findall(r"`(client|session|checkpoint)\.(\w+)", text):
        assert hasattr(getattr(stepd_client, owner.title()), member)
    for name in re.findall(r"`([A-Z]\w+)\b", text):
        assert name in (*stepd_client.__all__, "Retry", "STEPD_URL")
