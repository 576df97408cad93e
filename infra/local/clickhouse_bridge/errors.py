"""ClickHouse's errors as its HTTP interface sends them."""

import re
from dataclasses import dataclass

# The engine prefixes some of its messages ("Streaming query failed: ") and ends some with its version.
MESSAGE = re.compile(r"Code: (\d+)\. (.*?)\s*(?:\(version [^()]*(?:\([^()]*\))?\)\s*)?$", re.DOTALL)

# As HTTPHandler::exceptionCodeToHTTPStatus of the server; all others are 500.
STATUSES = {
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 70, 72, 73, 117, 321, 457), 400),
    **dict.fromkeys((192, 193, 291, 497, 516), 403),
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 63, 64, 81, 82, 115, 218, 372), 404),
    **dict.fromkeys((48,), 501),
    **dict.fromkeys((202, 209), 503),
}


@dataclass
class Failure(Exception):
    """What a client is told: the code, and the message with its symbolic name at the end, as in `(UNKNOWN_TABLE)`."""

    code: int
    message: str

    @property
    def status(self) -> int:
        return STATUSES.get(self.code, 500)

    def text(self, version: str) -> str:
        """The body of the answer; clients read code and name from it."""
        return f"Code: {self.code}. {self.message} (version {version})\n"


def failure(code: int, name: str, message: str) -> Failure:
    """An error of the bridge itself, in the engine's words."""
    return Failure(code, f"DB::Exception: {message}. ({name})")


def from_engine(error: Exception) -> Failure:
    """What the engine raised. It decodes its own texts as UTF-8, which bytes of a value in one can break."""
    if isinstance(error, UnicodeDecodeError):
        return failure(1002, "UNKNOWN_EXCEPTION", "The query failed with a message that is not UTF-8")
    found = MESSAGE.search(str(error))
    return Failure(int(found[1]), found[2]) if found else failure(1001, "STD_EXCEPTION", str(error))
