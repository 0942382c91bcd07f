"""Which formats each kind of request takes and gives, and how long a body in each may be."""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

from stepd.api.body import Limit, content_length
from stepd.api.call import Call
from stepd.api.headers import refuse_key
from stepd.errors import RequestTooLarge, SessionHasNoShape, StepdError, UnexpectedBody, UnsupportedMediaType
from stepd.settings import Settings
from stepd.values import Tensors
from stepd.wire import raw, safetensors
from stepd.wire.json import MEDIA_TYPE as JSON
from stepd.wire.negotiate import answer_format, body_format

RAW = raw.MEDIA_TYPE
SAFETENSORS = safetensors.MEDIA_TYPE
FORMATS = (JSON, RAW, SAFETENSORS)

# What an answer exists in: a document about sessions; a session's params; its state.
DOCUMENT = (JSON,)
PARAMS = FORMATS
STATE = (JSON, SAFETENSORS)

# The most slots that a rule has: bounds the header of a body whose optimizer is not known before it is read.
MOST_SLOTS = 2


class Form(NamedTuple):
    """What bodies of one kind hold.

    `roles` stand under their own names, the first of them alone where there are no names; `state` tells whether others
    are slots. `told` is metadata that has no place in such a request and does no harm: a file goes back as it came.
    `labels` tells whether they may be there.
    """

    takes: tuple[str, ...]
    roles: tuple[str, ...]
    state: bool = False
    told: tuple[str, ...] = ()
    labels: bool = False


OF_STEP = Form(FORMATS, ("grads", "params"), told=("optimizer", "step", "digest"))
OF_PARAMS = Form(FORMATS, ("params",), told=("optimizer", "step", "digest"))
OF_CREATE = Form(STATE, ("params",), labels=True)
OF_STATE = Form(STATE, ("params",), state=True, labels=True)
OF_FORK = Form(DOCUMENT, ())
OF_STEP_ONCE = Form(STATE, ("params", "grads"), state=True)


class Agreed(NamedTuple):
    """The formats of one request. Where it takes no body, `body` is empty.

    `limit` is that of the body; `tensors` how many may be in it, where its format names them; `length` its declared
    length, None where there is none.
    """

    body: str
    answer: str
    limit: Limit
    tensors: int
    length: int | None


def agree(
    call: Call,
    settings: Settings,
    gives: tuple[str, ...],
    form: Form | None = None,
    tensors: Tensors | None = None,
    *,
    key: bool = False,
) -> Agreed:
    """415, 406, 413, and 400 for a key where none is taken: all before a body is read.

    `tensors` are the session's, None where there is no session or it has no shape.
    """
    headers = call.headers
    length = None if form is None else content_length(call)
    if form is not None and (key or b"idempotency-key" not in headers) and headers.say_json_only():
        limit = _json_limit(settings.max_json_bytes)
        if length is not None:
            limit.require(length)
        return Agreed(JSON, JSON, limit, 0, length)
    single = tensors is not None and len(tensors.shapes) == 1
    given, limit, count = "", _NO_BODY, 0
    if form is not None:
        given = body_format(headers.get(b"content-type"), headers.joined(b"content-encoding"), form.takes)
        if given == RAW and not single:
            raise _not_single(tensors)
        limit, count = _limit(given, settings, form, tensors)
    if not single and RAW in gives:
        gives = tuple(media_type for media_type in gives if media_type != RAW)
    answer = answer_format(headers.joined(b"accept"), gives, given)
    if length is not None:
        limit.require(length)
    if not key:
        refuse_key(headers)
    return Agreed(given, answer, limit, count, length)


def _limit(given: str, settings: Settings, form: Form, tensors: Tensors | None) -> tuple[Limit, int]:
    if given == JSON:
        return _json_limit(settings.max_json_bytes), 0
    if given == RAW and tensors is not None:
        return Limit(tensors.nbytes, partial(raw.not_its_bytes, tensors), exact=True), 1
    if tensors is None:
        count = (len(form.roles) + MOST_SLOTS * form.state) * settings.max_tensors
        nbytes, advice = settings.max_in_flight_bytes, "(STEPD_MAX_IN_FLIGHT_BYTES)"
    else:
        count = len(form.roles) * len(tensors.shapes)
        nbytes = 8 + safetensors.max_header_bytes(count, labels=form.labels) + len(form.roles) * tensors.nbytes
        advice = "for these tensors and a header"
    return Limit(nbytes, partial(_too_large, nbytes, advice)), count


@cache
def _json_limit(nbytes: int) -> Limit:
    return Limit(nbytes, partial(_too_large, nbytes, _JSON_ADVICE))


def _too_large(limit: int, advice: str, what: str) -> RequestTooLarge:
    return RequestTooLarge(f"{what}, the service takes {limit} {advice}")


def _not_single(tensors: Tensors | None) -> StepdError:
    if tensors is None:
        return SessionHasNoShape(f"the session has no shape yet; its first values come as {JSON} or {SAFETENSORS}")
    return UnsupportedMediaType(
        f"{RAW} holds one tensor and the session has {len(tensors.shapes)}; send {SAFETENSORS} or {JSON}"
    )


_NO_BODY = Limit(0, UnexpectedBody)
_JSON_ADVICE = (
    "(STEPD_MAX_JSON_BYTES); send the values in a binary format, or split the tensors over several sessions, the rules "
    "are elementwise"
)
