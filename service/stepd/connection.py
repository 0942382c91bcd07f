"""One HTTP/1.1 connection: uvicorn's, but for two things that it leaves open.

- An offer to upgrade (`Upgrade: h2c`, which Java's client sends with every first request) is ignored, as RFC 9110 (7.8)
  allows. httptools stops reading where such a head ends: the body would be lost, or worse, be read as a request.
- A head has a limit. Without one a single connection can fill the memory before any budget sees it.
"""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stepd.api.headers import MAX_HEAD_BYTES

_FRAMING = (b"content-length", b"transfer-encoding")


class HeadTooLarge(Exception):
    """A head or trailers beyond the limit; the parser turns it into 400."""


class Connection(HttpToolsProtocol):
    """See the module's text."""

    _head_bytes = 0
    _in_head = True
    _repeating_head = False

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except (httptools.HttpParserError, HeadTooLarge) as error:
            large = isinstance(error, HeadTooLarge) or isinstance(error.__context__, HeadTooLarge)
            self.send_400_response(
                f"The head of the request has more than {MAX_HEAD_BYTES} bytes."
                if large
                else "Invalid HTTP request received."
            )

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade()
            (read,) = upgrade.args
            self._feed(data[read:])
        else:
            if self._in_head:
                self._count(len(data))

    def _count(self, nbytes: int) -> None:
        self._head_bytes += nbytes
        if self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLarge

    def _go_on_without_upgrade(self) -> None:
        """A new parser, told how the body is framed: it reads on where the old one stopped."""
        framing = [name + b": " + value + b"\r\n" for name, value in self.headers if name in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets its own
        self._repeating_head = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        self._repeating_head = False

    def on_message_begin(self) -> None:
        if not self._repeating_head:
            self._in_head, self._head_bytes = True, 0
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._repeating_head:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._repeating_head:
            if not self._in_head:  # a trailer
                self._count(len(name) + len(value))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._repeating_head:
            self._in_head, self._head_bytes = False, 0
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():  # else the body, if there is one, is still to come
            super().on_message_complete()
