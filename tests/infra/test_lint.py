"""cfn-lint finds nothing in any stage's templates."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import STAGES
from tests.infra.templates import synthesize

LIKE_OTHERS = ("preview", "staging")
"""Their contexts are those of dev and prod but for the values of variables."""


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "local"])
def test_templates_are_clean(stage: str, tmp_path: Path) -> None:
    made = synthesize(stage)
    for name in set(made.stacks) - (set(made.contexts) if stage in LIKE_OTHERS else set()):
        (tmp_path / f"{name}.template.json").write_text(json.dumps(made.stacks[name]))
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--non-zero-exit-code",
        "warning",
        *map(str, sorted(tmp_path.iterdir())),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=380)
    assert done.returncode == 0, done.stdout
