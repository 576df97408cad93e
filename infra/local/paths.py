"""Where the laptop cloud keeps its code and its state."""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
STATE = REPO / ".local"  # ignored by git; everything that this machine's cloud writes
DOMAIN = REPO / "layers" / "domain"
