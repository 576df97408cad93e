"""`python -m infra.local.stripe <settings.json>`: the fake as a process of its own; see `server.Settings`."""

import sys
from pathlib import Path

from infra.local.stripe.server import Settings, serve

serve(Settings.model_validate_json(Path(sys.argv[1]).read_text()))
