"""The CDK app: `cdk synth -c stage=prod`. Stages stand in infra/settings.py; `-c layers=placeholder` skips building layers."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "layers" / "domain"))

from aws_cdk import App  # noqa: E402

from infra.discovery import entry_points  # noqa: E402
from infra.settings import settings_of  # noqa: E402
from infra.stacks.platform import build  # noqa: E402


def main() -> None:
    """Synthesize the stage that the context names."""
    app = App(analytics_reporting=False, tree_metadata=False)
    settings = settings_of(app.node.try_get_context("stage") or "local")
    if app.node.try_get_context("layers") == "placeholder":
        settings = replace(settings, build_layers=False)
    build(app, settings, entry_points())
    app.synth()


if __name__ == "__main__":
    main()
