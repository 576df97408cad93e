"""The CDK app: `cdk synth -c stage=prod`. Stages stand in infra/settings.py; `-c layers=placeholder` skips building layers.

`-c account=… -c region=… -c hosted_zone=… -c api_origin=…` say what no repository should hold.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")  # still supported here
sys.path.insert(0, str(Path(__file__).parent / "layers" / "domain"))

from aws_cdk import App  # noqa: E402

from infra.discovery import entry_points  # noqa: E402
from infra.settings import placed, settings_of  # noqa: E402
from infra.stacks.platform import build  # noqa: E402


def main() -> None:
    """Synthesize the stage that the context names."""
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    settings = placed(settings_of(context.get("stage", "local")), context, os.environ)
    if context.get("layers") == "placeholder":
        settings = replace(settings, build_layers=False)
    # AWS's own rules for templates take half of the time: stages that go to AWS have them, and the tests of these.
    app = App(analytics_reporting=False, tree_metadata=False, builtin_cloud_formation_validation=not settings.is_local)
    build(app, settings, entry_points())
    app.synth()


if __name__ == "__main__":
    main()
