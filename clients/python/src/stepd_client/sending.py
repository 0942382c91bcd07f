"""Sending: a flow's requests go out through httpx, again where the retry policy says so; blocking, or awaited.

What to send and what answers mean is in flows.py, when to repeat in retry.py. Clocks and logs are used here only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache

import httpx

from stepd_client.connecting import AT_ONCE
from stepd_client.errors import ConnectionFailed, RequestTimedOut
from stepd_client.retry import RetryPolicy, Sendings
from stepd_client.streaming import Chunks, content_of
from stepd_client.wire import Answer, Flow, Request, Result, in_one

# What httpx raises before anything of the request has gone out.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

_log = logging.getLogger("stepd_client")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One sending of a request; before a repetition there is a pause."""

    request: Request
    pause_s: float | None = None


# A flow with its repetitions: it asks for one attempt at a time, and is told what came of it.
_Attempts = Generator[_Attempt, Answer | ConnectionFailed, Result]


def _attempts(
    flow: Flow[Result], policy: RetryPolicy, own: Callable[[Request], Request] = lambda request: request
) -> _Attempts[Result]:
    try:
        request = own(next(flow))
        while True:
            request = own(flow.send((yield from _answer_to(request, policy))))
    except StopIteration as finished:
        result: Result = finished.value
        return result


def _answer_to(request: Request, policy: RetryPolicy) -> _Attempts[Answer]:
    sendings = Sendings(request, policy)
    began = time.monotonic()
    outcome = yield _Attempt(request)
    while (pause_s := sendings.pause_after(outcome)) is not None:
        reason = f"status {outcome.status}" if isinstance(outcome, Answer) else type(outcome).__name__
        number = sendings.count + 1
        _log.info("%s %s: %s; attempt %d follows in %.2f s", request.method, request.path, reason, number, pause_s)
        outcome = yield _Attempt(request, pause_s)
    if isinstance(outcome, Answer):
        return replace(outcome, maybe_applied=sendings.maybe_applied, took_s=time.monotonic() - began)
    outcome.maybe_applied = outcome.maybe_applied or sendings.maybe_applied
    raise outcome


class Sender:
    """Runs flows through an `httpx.Client`."""

    def __init__(self, http: httpx.Client, policy: RetryPolicy, sleep: Callable[[float], object]) -> None:
        self._http = http
        self._requests = _Requests(http)
        self._policy = policy
        self._sleep = sleep

    def run(self, flow: Flow[Result], /) -> Result:
        """Does what the flow asks for, one thing after another, and gives its result."""
        attempts = _attempts(flow, self._policy)
        try:
            attempt = next(attempts)
            while True:
                attempt = attempts.send(self._outcome_of(attempt))
        except StopIteration as finished:
            result: Result = finished.value
            return result

    def _outcome_of(self, attempt: _Attempt) -> Answer | ConnectionFailed:
        if attempt.pause_s is not None:
            self._sleep(attempt.pause_s)
        try:
            return _answer(self._http.send(self._requests(attempt.request)))
        except httpx.RequestError as error:
            return _failure(attempt.request, error)


class AsyncSender:
    """Runs flows through an `httpx.AsyncClient`."""

    def __init__(
        self, http: httpx.AsyncClient, policy: RetryPolicy, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._http = http
        self._requests = _Requests(http)
        self._policy = policy
        self._sleep = sleep
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, flow: Flow[Result], /) -> Result:
        """Does what the flow asks for, one thing after another, and gives its result."""
        attempts = _attempts(flow, self._policy, _with_body_in_one)
        try:
            attempt = next(attempts)
            while True:
                attempt = attempts.send(await self._outcome_of(attempt))
        except StopIteration as finished:
            result: Result = finished.value
            return result

    async def _outcome_of(self, attempt: _Attempt) -> Answer | ConnectionFailed:
        if attempt.pause_s is not None:
            await self._sleep(attempt.pause_s)
        # What the service was asked to hold back must not keep others waiting: it may be they who end the wait.
        turn = self._turns if attempt.request.wait_s == 0 else nullcontext()
        try:
            async with turn:
                return _answer(await self._http.send(self._requests(attempt.request)))
        except httpx.RequestError as error:
            return _failure(attempt.request, error)


def _with_body_in_one(request: Request) -> Request:
    """Other tasks run before it has gone out, and may write to the arrays that it is made of."""
    return request if request.body is None else replace(request, body=in_one(request.body))


class _Requests:
    """Makes httpx's requests; to parse an address takes httpx longer than all that the client does for a step."""

    def __init__(self, http: httpx.Client | httpx.AsyncClient) -> None:
        self._http = http
        self._address = lru_cache(maxsize=256)(self._address_of)

    def __call__(self, request: Request) -> httpx.Request:
        headers = dict(request.headers)
        content: bytes | Chunks | None = None
        if request.body is not None:
            content, length = content_of(request.body)
            headers["content-length"] = str(length)
        return self._http.build_request(
            request.method,
            self._address(request.path),
            params=list(request.query) or None,
            headers=headers,
            content=content,  # type: ignore[arg-type] # typed as bytes; pieces of memory go to the socket as well
            timeout=self._timeout(request.wait_s) if request.wait_s else httpx.USE_CLIENT_DEFAULT,
        )

    def _address_of(self, path: str) -> httpx.URL:
        base = self._http.base_url
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))

    def _timeout(self, wait_s: float) -> httpx.Timeout:
        """Where the service was asked to hold its answer back, its silence begins only then."""
        limits = self._http.timeout.as_dict()
        read_s = None if limits["read"] is None else limits["read"] + wait_s
        return httpx.Timeout(**{**limits, "read": read_s})


def _answer(response: httpx.Response) -> Answer:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Answer(response.status_code, headers, response.content)


def _failure(request: Request, error: httpx.RequestError) -> ConnectionFailed:
    timed_out = isinstance(error, httpx.TimeoutException)
    reason = str(error) or type(error).__name__
    failure = (RequestTimedOut if timed_out else ConnectionFailed)(f"{request.method} {request.path}: {reason}")
    failure.maybe_applied = not isinstance(error, _NEVER_SENT)
    failure.__cause__ = error
    return failure
