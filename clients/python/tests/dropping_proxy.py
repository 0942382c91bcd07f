"""The proxy of the conformance suite as the tests of the Python client use it: answers are lost, one after another."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.proxy import Loss, Proxy, Treatment

__all__ = ["DroppingProxy", "Loss"]


class DroppingProxy(Proxy):
    """Forwards to `upstream`, an address such as http://127.0.0.1:8000, and loses the answers that it is told to lose.

    >>> with DroppingProxy(url) as proxy, Client(proxy.url, sleep=lambda seconds: None) as through:
    ...     proxy.lose(Loss.CLOSED)
    ...     _ = through.info()
    ...     [seen.line for seen in proxy.seen]
    ['GET /v1/info', 'GET /v1/info']
    """

    def lose(self, *losses: Loss | None, meanwhile: Callable[[], object] | None = None) -> None:
        """Lose the next answers, each in its way, None being given as usual; those after them are given.

        `meanwhile` is done when the first answer is in and about to be lost: before the client can send again.
        """
        first, *others = losses or (None,)
        self.treat(Treatment(answer=first, meanwhile=meanwhile), *(Treatment(answer=loss) for loss in others))
