"""Binary formats against a real service: the same results as JSON, chosen by size or by the caller."""

import asyncio

import httpx
import numpy as np
import orjson
import pytest
from clients.python.tests.awaited import LOCAL_MAKERS, MAKERS

from stepd_client import SGD, Adadelta, AsyncClient, Client
from stepd_client.connecting import AT_ONCE
from stepd_client.formats import BINARY_FROM, payload

FORMS = {
    "array": np.array([[1.0, -0.0], [5e-324, 2.5]]),
    "float32": np.array([0.1, -0.0, 1e-45], np.float32),
    "list": [1.0, -2.5, 0.1],
    "names": {"z": [1.0, 2.0], "a": np.float64(-0.0), "b": np.array([[0.5]])},
    "float32 names": {"w": np.array([0.1, 2.0], np.float32), "b": np.array(-0.0, np.float32)},
}
OCTETS, TENSORS, TEXT = "application/octet-stream", "application/vnd.safetensors", "application/json"


@pytest.fixture(scope="module", params=[*MAKERS, *LOCAL_MAKERS])
def make(request):
    """Makes clients, called or awaited, of a service over a socket or in this process."""
    if request.param in LOCAL_MAKERS:
        return LOCAL_MAKERS[request.param]
    url = request.getfixturevalue("live_server")
    return lambda **given: MAKERS[request.param](url, **given)


def told(value):
    """Values with their kinds, dtypes, names in order, and bits."""
    if isinstance(value, dict):
        return [(name, told(one)) for name, one in value.items()]
    if isinstance(value, list):
        return [told(one) for one in value]
    if isinstance(value, tuple):
        return tuple(told(one) for one in value)
    kind = type(value).__name__
    return kind, getattr(value, "dtype", None), np.shape(value), np.asarray(value).tobytes()


def everything(client, values):
    """What every verb that carries values gives."""
    session = client.session(optimizer=Adadelta(rho=0.9), params=values, labels={"run": "7"})
    yield session.params
    yield session.step(values)
    yield session.step(values, values)
    yield session.step(values, return_params=False)
    yield session.params
    yield session.fetch_params()
    session.put_params(values)
    yield session.params
    yield session.wait_for_step(1)
    checkpoint = session.state()
    yield checkpoint.params
    yield dict(checkpoint.state)
    yield session.step(values)
    session.restore(checkpoint)
    yield session.fetch_params()
    copy = client.restore(f"copy-of-{session.id}", checkpoint, labels={"run": "8"})
    yield copy.step(values)
    yield client.session(copy.id).params
    yield client.step_once(SGD(momentum=0.5), values, values)
    yield client.step_once(SGD(momentum=0.5), values, values, {"momentum_buffer": values})
    first = client.session(optimizer=SGD(), dtype=session.dtype)
    yield first.step(values, values)
    yield (session.describe().labels["run"], copy.describe().labels["run"], float(session.step_number))


@pytest.mark.parametrize("form", FORMS)
def test_binary_formats_give_what_json_gives(make, form):
    """Every verb, in kind, dtype, order of names and bits."""
    results = []
    for chosen in ("json", "binary"):
        with make(format=chosen) as client:
            results.append([told(value) for value in everything(client, FORMS[form])])
            for session in client.sessions():
                client.delete(session.id)
    assert results[0] == results[1]


def test_a_million_values_are_created_stepped_and_fetched(make):
    """In one request each, and with the formula's bits: JSON of so many is beyond the service's limit."""
    random = np.random.default_rng(5)
    params, grads = random.standard_normal(1_000_000), random.standard_normal(1_000_000)
    with make() as client:
        session = client.session("large", optimizer=SGD(lr=0.5), params=params)
        stepped = session.step(grads)
        assert stepped.tobytes() == (params + 0.5 * -grads).tobytes()
        assert client.session("large").params.tobytes() == stepped.tobytes()
        session.put_params(stepped)
        assert session.state().params.tobytes() == stepped.tobytes()
        session.delete()


@pytest.fixture
def listened(live_server):
    """A client, made with options, and the requests that it has sent: method, Content-Type, Accept, body."""
    sent = []

    class Listening(httpx.HTTPTransport):
        def handle_request(self, request):
            sent.append(
                (request.method, request.headers.get("content-type"), request.headers["accept"], request.read())
            )
            return super().handle_request(request)

    def make(**given):
        return Client(live_server, transport=Listening(), **given)

    return make, sent


@pytest.mark.parametrize(
    ("chosen", "size", "types"),
    [
        ("auto", BINARY_FROM - 1, [TEXT, TEXT, None]),
        ("auto", BINARY_FROM, [TENSORS, OCTETS, None]),
        ("json", BINARY_FROM, [TEXT, TEXT, None]),
        ("binary", 1, [TENSORS, OCTETS, None]),
    ],
)
def test_the_format_is_chosen_by_size_or_by_the_caller(listened, chosen, size, types):
    """Below the size what is sent can be read; a step is answered in its own format, params are safetensors."""
    make, sent = listened
    with make(format=chosen) as client:
        session = client.session(params=np.zeros(size))
        session.step(np.ones(size))
        session.fetch_params()
        session.delete()
    assert [content_type for _, content_type, _, _ in sent[:3]] == types
    assert [accept for _, _, accept, _ in sent[:3]] == ([TEXT] * 3 if types[0] == TEXT else [TEXT, OCTETS, TENSORS])
    assert types[1] == TEXT or sent[1][3] == np.ones(size).tobytes()


def test_a_step_sends_the_arrays_own_memory():
    """Contiguous gradients of the session's dtype are not copied before they go out."""
    grads = np.ones(10)
    media_type, body = payload({}, {"grads": grads}, binary=True, alone=(10,))
    assert media_type == OCTETS
    assert np.shares_memory(np.frombuffer(body[0]), grads)


def test_what_comes_out_is_the_callers(make):
    """Writing to it changes nothing here, nor what is given next."""
    with make(format="binary") as client:
        session = client.session(params=np.zeros(3))
        session.step(np.ones(3))[:] = 7.0
        session.fetch_params()[:] = 7.0
        session.params[:] = 7.0
        session.state().state["square_avg"][:] = 7.0
        assert session.params.tolist() == session.fetch_params().tolist() != [7.0, 7.0, 7.0]
        session.delete()


def test_arrays_may_be_written_to_while_others_run(live_server):
    """An awaited step sends the gradients that it was given, whatever other tasks do to them before it goes out."""

    async def run():
        async with AsyncClient(live_server, format="binary") as client:
            sessions = [await client.session(optimizer=SGD(lr=1.0), params=np.zeros(4)) for _ in range(AT_ONCE + 1)]
            grads = np.ones(4)
            stepping = [asyncio.ensure_future(session.step(grads)) for session in sessions]
            await asyncio.sleep(0)  # all have begun, and one waits for its turn
            grads[:] = 5.0
            try:
                return await asyncio.gather(*stepping)
            finally:
                for session in sessions:
                    await session.delete()

    assert [stepped.tolist() for stepped in asyncio.run(run())] == [[-1.0] * 4] * (AT_ONCE + 1)


def test_there_is_no_other_format():
    """A misspelt one is refused when the client is made."""
    with pytest.raises(ValueError, match="format is 'raw'; it must be one of auto, json, binary"):
        Client(format="raw")
    with pytest.raises(ValueError, match="format is 'raw'"):
        AsyncClient(format="raw")


def test_a_slot_named_like_another_role_loses_nothing() -> None:
    """It goes as JSON, where it stands apart, so that the service can refuse it by its name."""
    ones, twos = np.ones(2), np.full(2, 2.0)
    for slot in ("params", "params/w"):
        media_type, body = payload({"step": 1}, {"params": ones}, {slot: twos}, binary=True)
        assert media_type == "application/json"
        assert orjson.loads(bytes(body)) == {"step": 1, "params": [1.0, 1.0], "state": {slot: [2.0, 2.0]}}
