"""Checkpoints taken from a real service, saved, and restored there: here, under another id, or not at all."""

import hashlib

import numpy as np
import pytest

import stepd_client
from stepd_client import SGD, Adadelta, Adagrad, Checkpoint, RMSprop

GRADS = [0.5, -0.25, 0.125]
PARAMS = [1.0, 2.0, 3.0]


@pytest.mark.parametrize("optimizer", [Adadelta(rho=0.9), Adagrad(lr=0.5), RMSprop(), SGD(momentum=0.9, nesterov=True)])
@pytest.mark.parametrize("params", [np.array([0.1, 0.2], np.float32), {"w": [[1.0, 2.0]], "b": -0.0}], ids=str)
def test_a_checkpoint_continues_elsewhere_with_the_same_bits(client, optimizer, params):
    """Saved as JSON and restored under another id, a session goes on exactly as the original does."""
    grads = {"w": [[0.3, -0.2]], "b": 0.1} if isinstance(params, dict) else params
    original = client.session(optimizer=optimizer, params=params)
    original.step(grads)
    saved = original.state().to_json()
    checkpoint = Checkpoint.from_json(saved)
    copy = client.restore(f"copy-of-{original.id}", checkpoint, labels={"copy": "yes"}, ttl_s=600)
    assert (copy.step_number, copy.optimizer, copy.dtype) == (1, original.optimizer, original.dtype)
    assert copy.describe().labels == {"copy": "yes"}
    assert copy.state().to_json() == saved
    copy.step(grads)
    original.step(grads)
    assert copy.state().digest == original.state().digest != checkpoint.digest
    copy.restore(checkpoint)
    assert (copy.step_number, copy.state().to_json()) == (1, saved)
    assert client.restore(copy.id, checkpoint).step_number == 1


def test_the_digest_is_that_of_the_values_that_came(client):
    """Decoded from JSON, the bytes of params and slots have the SHA-256 that the service computed over its own."""
    session = client.session(params={"w": np.ones((2, 2), np.float32), "b": np.full(2, 0.1, np.float32)})
    session.step({"w": np.full((2, 2), 0.3), "b": np.full(2, -0.7)})
    checkpoint = session.state()
    hashed = hashlib.sha256()
    for values in (checkpoint.params, *checkpoint.state.values()):
        for name in sorted(values):
            hashed.update(values[name].tobytes())
    assert checkpoint.digest == f"sha-256:{hashed.hexdigest()}"


def test_checkpoints_that_do_not_fit_are_refused(client):
    """Another optimizer, another shape or changed values under the old digest restore nothing."""
    session = client.session(params=PARAMS)
    session.step(GRADS)
    good = session.state()
    changed = Checkpoint(good.optimizer, good.dtype, good.step, [9.0, 9.0, 9.0], good.state, good.digest)
    with pytest.raises(stepd_client.DigestMismatch):
        session.restore(changed)
    with pytest.raises(stepd_client.ShapeMismatch):
        session.restore(client.session(params=[1.0]).state())
    with pytest.raises(stepd_client.NamesMismatch):
        session.restore(client.session(params={"w": PARAMS}).state())
    with pytest.raises(stepd_client.CheckpointMismatch):
        session.restore(client.session(optimizer=SGD(), params=PARAMS).state())
    with pytest.raises(stepd_client.CheckpointMismatch):
        client.restore(session.id, client.session(params=PARAMS, dtype="float32").state())
    assert session.state().to_json() == good.to_json()
    session.restore(Checkpoint(good.optimizer, good.dtype, 40, [9.0, 9.0, 9.0], good.state))
    assert (session.step_number, session.fetch_params()) == (40, [9.0, 9.0, 9.0])
