"""The API's reference: the OpenAPI document, and a page that draws it. All of it is files beside this one."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from oppulence.console.errors import AssetNotFound

_HERE = Path(__file__).parent
_DOCS = _HERE / "docs"
_TYPES = {
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    content: bytes
    content_type: str


@cache
def openapi() -> bytes:
    """The committed OpenAPI document, which `python -m infra.openapi` writes."""
    return (_HERE / "openapi.json").read_bytes()


@cache
def index() -> bytes:
    """The page."""
    return (_DOCS / "index.html").read_bytes()


def asset(name: str) -> Asset:
    """A file that the page loads.

    Raises:
        AssetNotFound: the page has no such file.
    """
    if name not in _TYPES:
        raise AssetNotFound(f"The reference has no file '{name[:100]}'. It begins at /docs.")
    return Asset((_DOCS / name).read_bytes(), _TYPES[name])
