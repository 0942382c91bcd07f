"""What answers say, read by pure functions: errors raised, documents decoded, validators taken from headers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from stepd_client.error_class import class_of, tells_outcome
from stepd_client.errors import StepdError, UnexpectedAnswer
from stepd_client.formats import RAW, SAFETENSORS, GivenShape, octet_stream, roles_of
from stepd_client.info import SessionInfo
from stepd_client.problem import read_problem
from stepd_client.safetensors import Contents
from stepd_client.safetensors import read as read_safetensors
from stepd_client.values import Arrays, DType, decode, shape_of
from stepd_client.wire import Answer

_ETAG = re.compile(r'(?:W/)?("([!#-~]+)-([0-9]+)")')
_EXCERPT_BYTES = 200


class Validator(NamedTuple):
    """An ETag, as If-Match takes it, and the two things that it is made of."""

    etag: str
    incarnation: str
    step: int


def checked(answer: Answer) -> Answer:
    """The answer, if it is a success; raises what it is otherwise."""
    if 200 <= answer.status < 300:
        return answer
    error = error_of(answer)
    error.maybe_applied = error.maybe_applied or answer.maybe_applied
    raise error


def error_of(answer: Answer) -> StepdError:
    """The error that an answer other than a success stands for: a typed problem, or something unexpected.

    Its `maybe_applied` is about this answer alone, not about earlier sendings of the request.
    """
    if answer.content_type == "application/problem+json":
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict):
            problem = read_problem(document, answer.status, retry_after_s(answer))
            refused = class_of(problem.code, answer.status)(problem)
            refused.maybe_applied = answer.status >= 500 and not tells_outcome(problem.code)
            return refused
    return _unexpected(answer, "the answer is not stepd's")


def retry_after_s(answer: Answer) -> float | None:
    """Retry-After in seconds; None where it is absent or a date."""
    given = answer.headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() else None


def document_of(answer: Answer) -> dict[str, Any]:
    """The JSON object that a success carries. Raises what `checked` raises, and UnexpectedAnswer."""
    checked(answer)
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _unexpected(answer, "the answer is no JSON object")
    return document


def validator_of(answer: Answer) -> Validator:
    """The session's ETag. Proxies that compress mark it weak; it names the state, not the bytes, so that is undone."""
    given = answer.headers.get("etag", "")
    matched = _ETAG.fullmatch(given)
    if matched is None:
        raise _unexpected(answer, f"the ETag is {given!r}" if given else "the answer has no ETag")
    etag, incarnation, step = matched.groups()
    return Validator(etag, incarnation, int(step))


def session_of(answer: Answer) -> SessionInfo:
    """The session that the answer describes. Raises what `checked` raises, and UnexpectedAnswer."""
    return info_of(answer, document_of(answer))


def info_of(answer: Answer, document: Any) -> SessionInfo:
    """The session that a document within the answer describes."""
    try:
        return SessionInfo.read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unexpected(answer, f"the answer describes no session: {error!r}") from None


def values_of(answer: Answer, document: dict[str, Any], member: str, dtype: DType) -> Arrays:
    """The values under `member` of the answer's document."""
    try:
        return decode(document[member], dtype)
    except KeyError:
        raise _unexpected(answer, f"the answer has no {member}") from None
    except ValueError as error:
        raise _unexpected(answer, f"{member} can't be read: {error}") from None


def params_of(answer: Answer, dtype: DType, shape: GivenShape) -> Arrays:
    """The params that an answer carries, in whichever format. Raises what `checked` raises, and UnexpectedAnswer.

    `dtype` and `shape` are the session's. A binary body has to be of that shape; None takes any.
    """
    checked(answer)
    if answer.content_type not in (RAW, SAFETENSORS):
        return values_of(answer, document_of(answer), "params", dtype)
    try:
        if answer.content_type == RAW:
            return octet_stream(answer.body, dtype, shape)
        roles = roles_of(read_safetensors(answer.body).tensors, dtype)
        if list(roles) != ["params"]:
            raise ValueError(f"there are {', '.join(roles) or 'no tensors'} where params should be")  # noqa: TRY301
        arrays = roles["params"]
        if shape is not None and shape_of(arrays) != shape:
            raise ValueError(f"params have the shape {shape_of(arrays)}, the session has {shape}")  # noqa: TRY301
    except ValueError as error:
        raise _unexpected(answer, f"params can't be read: {error}") from None
    return arrays


def contents_of(answer: Answer) -> Contents | None:
    """What an answer in safetensors holds, None for one in another format. Raises like `params_of`."""
    if checked(answer).content_type != SAFETENSORS:
        return None
    try:
        return read_safetensors(answer.body)
    except ValueError as error:
        raise unreadable(answer, error) from None


def unreadable(answer: Answer, error: ValueError) -> UnexpectedAnswer:
    """For a success whose body is not what the contract promises."""
    return _unexpected(answer, f"the answer can't be read: {error}")


def unexpected_member(answer: Answer, member: str) -> UnexpectedAnswer:
    """For a success whose document lacks what the contract promises."""
    return _unexpected(answer, f"the answer has no {member}, or it is of another type than it should be")


def _unexpected(answer: Answer, reason: str) -> UnexpectedAnswer:
    excerpt = answer.body[:_EXCERPT_BYTES].decode("utf-8", "replace") if answer.status >= 300 else ""
    error = UnexpectedAnswer(answer.status, answer.content_type, reason, excerpt)
    # A success that can't be read is a success all the same; and who knows what happened behind a failing proxy.
    error.maybe_applied = answer.status < 300 or answer.status == 408 or answer.status >= 500
    return error
