"""Request bodies: read by length or in chunks, decompressed piece by piece, never held whole."""

import email.parser
import email.policy
import zlib
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase
from typing import Protocol

import lz4.frame
import zstandard

from infra.local.clickhouse_bridge.errors import failure

PIECE = 1 << 16
MAX_FIELD = 1 << 17  # a server's http_max_field_value_size, as it is by default
DRAIN_LIMIT = 1 << 26  # an unread rest beyond it ends the connection instead


class Decoder(Protocol):
    """What the three libraries' decompression objects share."""

    def decompress(self, data: bytes, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class Body:
    """One request's body; iterate over it once for its decoded pieces."""

    def __init__(self, source: BufferedIOBase, headers: Message) -> None:
        self._source = source
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self._left = 0 if self._chunked else int(headers.get("Content-Length") or 0)
        self._ended = not self._chunked and not self._left
        self._pieces = decoded(self._raw(), headers.get("Content-Encoding", "").lower())

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read_all(self, limit: int) -> bytes:
        """The whole rest of the body; one above `limit` bytes is refused."""
        parts, size = [], 0
        for piece in self:
            size += len(piece)
            if size > limit:
                raise failure(62, "SYNTAX_ERROR", f"A statement of more than {limit} bytes; send rows as INSERT ... FORMAT")
            parts.append(piece)
        return b"".join(parts)

    def at_least(self, size: int) -> bytes:
        """The next pieces until they hold `size` bytes, or all that is left."""
        text = b""
        while len(text) < size and (piece := next(self._pieces, b"")):
            text += piece
        return text

    def drain(self) -> bool:
        """Skip what was not read, so that the connection can be used again; false if it cannot."""
        skipped = 0
        try:
            for piece in self._raw():
                skipped += len(piece)
                if skipped > DRAIN_LIMIT:
                    return False
        except (OSError, ValueError, EOFError):
            return False
        return self._ended

    def _raw(self) -> Iterator[bytes]:
        while not self._ended:
            if self._chunked and not self._left and not self._next_chunk():
                return
            piece = self._source.read(min(self._left, PIECE))
            if not piece:
                raise EOFError("the client closed the connection before the end of its request")
            self._left -= len(piece)
            if not self._left:
                if self._chunked:
                    self._source.readline()
                else:
                    self._ended = True
            yield piece

    def _next_chunk(self) -> bool:
        line = self._source.readline(1024)
        if not line.endswith(b"\n"):
            raise EOFError("the client closed the connection before the end of its request")
        self._left = int(line.split(b";")[0], 16)
        if self._left:
            return True
        while self._source.readline(PIECE) not in {b"\r\n", b"\n", b""}:
            pass  # trailers
        self._ended = True
        return False


def decoder(encoding: str) -> Decoder:
    """A fresh decompressor for a Content-Encoding."""
    made: Decoder
    match encoding:
        case "gzip":
            made = zlib.decompressobj(31)
        case "deflate":
            made = zlib.decompressobj()
        case "lz4":
            made = lz4.frame.LZ4FrameDecompressor()
        case "zstd":
            made = zstandard.ZstdDecompressor().decompressobj()
        case _:
            raise failure(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding} is not supported")
    return made


def decoded(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress a body; it may consist of several frames, and one that stops inside a frame is an error."""
    if encoding in {"", "identity"}:
        yield from raw
        return
    current, fresh = decoder(encoding), True
    for piece in raw:
        rest = piece
        while rest:
            if current.eof:
                current = decoder(encoding)
            try:
                out = current.decompress(rest)
            except (RuntimeError, zlib.error, zstandard.ZstdError) as error:
                raise failure(271, "CANNOT_DECOMPRESS", f"The body is not {encoding}: {error}") from error
            rest = (current.unused_data or b"") if current.eof else b""
            fresh = False
            if out:
                yield out
    if not fresh and not current.eof:
        raise failure(271, "CANNOT_DECOMPRESS", f"The body ends within a {encoding} frame")


def form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a multipart form. Files, ClickHouse's external data, are refused: the engine takes none."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields = {}
    for part in message.iter_parts():
        if part.get_filename() is not None:
            raise failure(48, "NOT_IMPLEMENTED", "External data is not supported by the local engine")
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)  # as sent: drivers name no charset, and it is UTF-8
        value = content if isinstance(content, bytes) else b""
        if len(value) > MAX_FIELD:
            raise failure(1000, "POCO_EXCEPTION", "HTML Form Exception: Field value too long")
        fields[str(name)] = value.decode()
    return fields
