"""What every stack of the platform has."""

from aws_cdk import App, DefaultStackSynthesizer, Stack, Tags

from infra.names import PREFIX
from infra.settings import Settings


class PlatformStack(Stack):
    """A stack named `oppulence-<name>`, tagged with its stage."""

    def __init__(self, app: App, name: str, settings: Settings, description: str) -> None:
        super().__init__(
            app,
            f"{PREFIX}-{name}",
            description=description,
            termination_protection=settings.keep_data,
            analytics_reporting=False,
            synthesizer=DefaultStackSynthesizer(),
        )
        self.settings = settings
        if not settings.is_local:
            Tags.of(self).add("stage", settings.stage)
