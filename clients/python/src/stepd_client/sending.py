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
from typing import Any

import httpx

from stepd_client.connecting import AT_ONCE
from stepd_client.errors import ConnectionFailed, RequestTimedOut
from stepd_client.retry import RetryPolicy, Sendings
from stepd_client.wire import Answer, Flow, Request, Result

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


def _attempts(flow: Flow[Result], policy: RetryPolicy) -> _Attempts[Result]:
    try:
        request = next(flow)
        while True:
            request = flow.send((yield from _answer_to(request, policy)))
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
            return _answer(self._http.request(**_parts(attempt.request, self._http.timeout)))
        except httpx.RequestError as error:
            return _failure(attempt.request, error)


class AsyncSender:
    """Runs flows through an `httpx.AsyncClient`."""

    def __init__(
        self, http: httpx.AsyncClient, policy: RetryPolicy, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._http = http
        self._policy = policy
        self._sleep = sleep
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, flow: Flow[Result], /) -> Result:
        """Does what the flow asks for, one thing after another, and gives its result."""
        attempts = _attempts(flow, self._policy)
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
                return _answer(await self._http.request(**_parts(attempt.request, self._http.timeout)))
        except httpx.RequestError as error:
            return _failure(attempt.request, error)


def _parts(request: Request, timeout: httpx.Timeout) -> dict[str, Any]:
    # Where the service was asked to hold its answer back, its silence begins only then.
    limits = timeout.as_dict()
    read_s = None if limits["read"] is None else limits["read"] + request.wait_s
    return {
        "method": request.method,
        "url": request.path,
        "params": list(request.query) or None,
        "headers": dict(request.headers),
        "content": request.body,
        "timeout": httpx.Timeout(**{**limits, "read": read_s}),
    }


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), response.content)


def _failure(request: Request, error: httpx.RequestError) -> ConnectionFailed:
    timed_out = isinstance(error, httpx.TimeoutException)
    reason = str(error) or type(error).__name__
    failure = (RequestTimedOut if timed_out else ConnectionFailed)(f"{request.method} {request.path}: {reason}")
    failure.maybe_applied = not isinstance(error, _NEVER_SENT)
    failure.__cause__ = error
    return failure
