"""Requests that offer another protocol: they are served in the one that they came in, body and all."""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_UPGRADE = b"upgrade"


class HttpWithoutUpgrades(HttpToolsProtocol):
    """Reads an `Upgrade` as if it were not there (RFC 9110, section 7.8).

    Java's own HTTP client offers HTTP/2 with each request. The parser ends such a request at its head and reads nothing
    after it, so uvicorn answers it without its body; here another parser has the head again, without the offer.
    """

    @override
    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        rest: bytes | memoryview = data
        try:
            while True:
                try:
                    self.parser.feed_data(rest)
                    return
                except HttpParserUpgrade as offered:
                    rest = memoryview(rest)[offered.args[0] :]
                head = self._head_without_offer()
                self.parser = HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade):  # the second by CONNECT, which offers nothing else
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    @override
    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % field for field in self.headers if field[0] != _UPGRADE]
        return b"\r\n".join((*lines, b"", b""))
