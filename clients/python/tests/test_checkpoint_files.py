"""Checkpoints in files: whole or not at all, and checked when they come back."""

import hashlib
import os
import stat
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace

import httpx
import numpy as np
import orjson
import pytest
import safetensors.numpy

from stepd_client import SGD, Adadelta, Adagrad, Checkpoint, RMSprop

OPTIMIZERS = [Adadelta(rho=0.9), Adagrad(), RMSprop(), SGD(momentum=0.9)]


def names_in(folder):
    """Everything in the folder, hidden files too."""
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def checkpoint(client):
    """Of a session that has taken one step."""
    session = client.session(params=np.array([1.0, -0.0, 5e-324]))
    session.step(np.array([0.5, -0.25, 0.125]))
    return session.state()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.name)
@pytest.mark.parametrize(
    "params",
    [[0.1, 0.2], {"w": np.ones((2, 1), np.float32), "b": np.float32(0.1), "\u00e4": np.ones(1, np.float32)}],
    ids=["unnamed", "named"],
)
def test_what_was_saved_is_loaded_and_goes_on_with_the_same_bits(client, tmp_path, optimizer, params):
    """A file holds what `to_json` gives, its digest is found right without the service, and the session goes on."""
    session = client.session(optimizer=optimizer, params=params)
    session.step(params)
    checkpoint = session.state()
    checkpoint.save(str(tmp_path / "run.json"))
    assert (tmp_path / "run.json").read_bytes() == checkpoint.to_json()
    loaded = Checkpoint.load(tmp_path / "run.json")
    assert loaded.to_json() == checkpoint.to_json()
    copy = client.restore(f"loaded-{session.id}", loaded)
    assert copy.step_number == 1
    copy.step(params)
    session.step(params)
    assert copy.state().digest == session.state().digest
    assert names_in(tmp_path) == ["run.json"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.name)
@pytest.mark.parametrize(
    "params",
    [[0.1, -0.0], {"w": np.ones((2, 1), np.float32), "b": np.float32(0.1), "\u00e4": np.ones(1, np.float32)}],
    ids=["unnamed", "named"],
)
def test_a_file_of_safetensors_opens_anywhere_and_comes_back(client, tmp_path, optimizer, params):
    """The format's own library finds every tensor; the client finds the checkpoint, and the session goes on."""
    session = client.session(optimizer=optimizer, params=params)
    session.step(params)
    checkpoint = session.state()
    path = tmp_path / "run.safetensors"
    checkpoint.save(path)
    tensors = safetensors.numpy.load_file(path)
    roles = {"params": checkpoint.params, **checkpoint.state}
    expected = {
        full_name: np.asarray(values, checkpoint.dtype)
        for role, held in roles.items()
        for full_name, values in (
            {f"{role}/{name}": one for name, one in held.items()} if isinstance(held, dict) else {role: held}
        ).items()
    }
    assert {name: (one.dtype, one.shape, one.tobytes()) for name, one in tensors.items()} == {
        name: (one.dtype, one.shape, one.tobytes()) for name, one in expected.items()
    }
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert orjson.loads(metadata["optimizer"]) == dict(checkpoint.optimizer)
    assert (metadata["step"], metadata["digest"]) == ("1", checkpoint.digest)
    loaded = Checkpoint.load(str(path))
    assert loaded.to_json() == checkpoint.to_json()
    copy = client.restore(f"loaded-{session.id}", loaded)
    assert copy.state().digest == checkpoint.digest
    assert names_in(tmp_path) == ["run.safetensors"]


def test_what_the_service_gives_as_safetensors_is_a_file(live_server, client, tmp_path):
    """Downloaded without the client, it loads."""
    session = client.session(params={"w": [1.0, -0.0], "b": 2.0})
    session.step({"w": [0.5, 0.25], "b": 0.125})
    accepted = {"accept": "application/vnd.safetensors"}
    given = httpx.get(f"{live_server}/v1/sessions/{session.id}/state", headers=accepted, trust_env=False)
    (tmp_path / "theirs.safetensors").write_bytes(given.raise_for_status().content)
    loaded = Checkpoint.load(tmp_path / "theirs.safetensors")
    expected = session.state()
    assert (loaded.optimizer, loaded.step, loaded.digest) == (expected.optimizer, expected.step, expected.digest)
    loaded.verify()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda written: written[:-1], "the body has .* for them"),
        (lambda written: written[:-8] + bytes(8), "digest is"),
        (lambda written: written.replace(b'"step"', b'"stop"'), "no checkpoint"),
        (lambda written: written.replace(b'"step":"1"', b'"step":"{"'), "unexpected end|invalid|unexpected character"),
        (lambda written: written.replace(b'"params"', b'"paramz"'), "no checkpoint"),
        (lambda written: written[:-8] + b"\xff" * 8, "not finite"),
        (lambda written: b'{"optimizer":', "too few"),
    ],
)
def test_a_damaged_file_of_safetensors_is_refused(checkpoint, tmp_path, change, reason):
    """With the file's name and what is wrong."""
    path = tmp_path / "run.safetensors"
    path.write_bytes(change(checkpoint.to_safetensors()))
    with pytest.raises(ValueError, match=reason) as caught:
        Checkpoint.load(path)
    assert str(path) in str(caught.value)


def test_slots_in_another_order_are_the_same_checkpoint(checkpoint, tmp_path):
    """A tool that sorts the members of objects leaves a file that loads: the catalogue gives the order."""
    document = orjson.loads(checkpoint.to_json())
    assert list(document["state"]) == ["square_avg", "acc_delta"]
    (tmp_path / "sorted.json").write_bytes(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
    assert Checkpoint.load(tmp_path / "sorted.json").digest == checkpoint.digest


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda written: written[: len(written) // 2], "end of data|unexpected|EOF"),
        (lambda written: b"", "empty"),
        (lambda written: b"\xff" + written, "invalid|UTF-8|unexpected"),
        (lambda written: b"[1, 2]", "no checkpoint"),
        (lambda written: written.replace(b'"dtype":"float64"', b'"dtype":"float16"'), "dtype is float16"),
        (lambda written: written.replace(b"5e-324", b"1e-323"), "digest is 'sha-256:"),
        (lambda written: written.replace(b"-0.0", b"0.0", 1), "digest is 'sha-256:"),
        (lambda written: written.replace(b'"digest":"sha-256:', b'"digest":"sha-256:0'), "digest is 'sha-256:0"),
    ],
)
def test_a_damaged_file_is_refused_by_name_and_reason(checkpoint, tmp_path, damage, reason):
    """Cut, emptied, changed by one bit of a value or of the sign of a zero: ValueError names the file and why."""
    path = tmp_path / "damaged.json"
    zeroed = replace(checkpoint, params=np.array([1.0, -0.0, 5e-324]), digest=None)
    hashed = b"".join(values.tobytes() for values in (zeroed.params, *zeroed.state.values()))
    zeroed = replace(zeroed, digest=f"sha-256:{hashlib.sha256(hashed).hexdigest()}")
    zeroed.save(path)
    Checkpoint.load(path)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=reason) as raised:
        Checkpoint.load(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there_is_no_damaged_one(tmp_path):
    """A missing file is the FileNotFoundError that it is everywhere."""
    with pytest.raises(FileNotFoundError) as raised:
        Checkpoint.load(tmp_path / "missing.json")
    assert raised.value.filename == tmp_path / "missing.json" or raised.value.filename == str(tmp_path / "missing.json")


def test_changed_values_under_the_old_digest_are_not_saved(checkpoint, tmp_path):
    """A file that could not be loaded never takes the place of one that can; without the digest the change is meant."""
    path = tmp_path / "run.json"
    checkpoint.save(path)
    changed = replace(checkpoint, params=[7.0, 8.0, 9.0])
    with pytest.raises(ValueError, match="take it away if you changed them"):
        changed.save(path)
    with pytest.raises(ValueError, match=r"params\[1\] is nan"):
        replace(changed, params=[7.0, float("nan"), 9.0], digest=None).save(path)
    assert Checkpoint.load(path).to_json() == checkpoint.to_json()
    replace(changed, digest=None).save(path)
    assert Checkpoint.load(path).params.tolist() == [7.0, 8.0, 9.0]
    assert names_in(tmp_path) == ["run.json"]


def test_a_disk_that_takes_no_more_leaves_the_old_checkpoint_and_nothing_else(checkpoint, tmp_path):
    """A write that fails in the middle, here for a limit on file sizes, is an OSError with the path."""
    path = tmp_path / "run.json"
    checkpoint.save(path)
    program = """
        import resource, sys
        from dataclasses import replace
        from stepd_client import Checkpoint
        checkpoint = Checkpoint.load(sys.argv[1])
        larger = replace(checkpoint, step=2, optimizer={**checkpoint.optimizer, "note": "x" * 10_000})
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
        try:
            larger.save(sys.argv[1])
        except OSError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == f"[Errno 27] File too large: '{path}'\n"
    assert names_in(tmp_path) == ["run.json"]
    assert Checkpoint.load(path).to_json() == checkpoint.to_json()


def test_a_path_that_cant_be_written_is_named_and_nothing_is_left(checkpoint, tmp_path):
    """A folder that is missing, or a folder in the file's place: OSError with the path that was given."""
    (tmp_path / "taken").mkdir()
    for path, error in (("missing/run.json", FileNotFoundError), ("taken", IsADirectoryError)):
        with pytest.raises(error) as raised:
            checkpoint.save(tmp_path / path)
        assert raised.value.filename == str(tmp_path / path)
    assert names_in(tmp_path) == ["taken"]
    assert names_in(tmp_path / "taken") == []


def test_readers_see_the_old_checkpoint_or_the_new_one(checkpoint, tmp_path):
    """While one program saves over and over, another that loads finds a whole checkpoint each time."""
    path = tmp_path / "run.json"
    large = Checkpoint({"name": "sgd"}, "float64", 7, np.ones(20_000), {"momentum_buffer": np.ones(20_000)})
    checkpoint.save(path)
    done = threading.Event()

    def save():
        for turn in range(60):
            (large if turn % 2 else checkpoint).save(path)
        done.set()

    saving = threading.Thread(target=save)
    saving.start()
    steps = set()
    while not done.is_set():
        steps.add(Checkpoint.load(path).step)
    saving.join()
    assert steps <= {1, 7}
    assert names_in(tmp_path) == ["run.json"]


def test_what_is_saved_has_reached_the_disk_before_it_takes_the_name(checkpoint, tmp_path, monkeypatch):
    """The file is forced out before it is renamed, the folder after: no failure of power leaves half of it."""
    calls = []

    def noted(name, call):
        def note(*arguments, **options):
            result = call(*arguments, **options)
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            calls.append(f"{name} {'folder' if folder else 'file'}")
            return result

        return note

    monkeypatch.setattr(os, "fsync", noted("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", noted("replace", os.replace))
    checkpoint.save(tmp_path / "run.json")
    assert calls == ["fsync file", "replace file", "fsync folder"]


def test_a_file_that_is_replaced_keeps_its_permissions_and_links_lead_on(checkpoint, tmp_path):
    """Saving again neither opens a private file to others nor turns a link into a file."""
    private, link = tmp_path / "private.json", tmp_path / "latest.json"
    checkpoint.save(private)
    private.chmod(0o600)
    link.symlink_to("private.json")
    replace(checkpoint, step=9).save(link)
    assert link.is_symlink()
    assert (Checkpoint.load(private).step, stat.S_IMODE(private.stat().st_mode)) == (9, 0o600)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_not_replaced_by_one(checkpoint, tmp_path):
    """A pipe stays a pipe, as a device such as /dev/null stays a device for whoever may replace it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Not a regular file") as refused:
        checkpoint.save(tmp_path / "pipe")
    assert refused.value.filename == str(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert list(tmp_path.iterdir()) == [tmp_path / "pipe"]


def test_links_that_lead_in_a_circle_are_an_error_of_the_path(checkpoint, tmp_path):
    """An OSError that names it, as for every path that can't be written; both links stay."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links") as refused:
        checkpoint.save(tmp_path / "one")
    assert refused.value.filename == str(tmp_path / "one")
    assert (tmp_path / "one").is_symlink()
    assert (tmp_path / "two").is_symlink()
