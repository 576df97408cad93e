"""What every stack of the platform has."""

from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack, Tags

from infra.names import PREFIX
from infra.settings import Settings


class PlatformStack(Stack):
    """A stack named `oppulence-<name>`, tagged with its stage."""

    def __init__(self, app: App, name: str, settings: Settings, description: str, region: str = "") -> None:
        place = Environment(account=settings.account or None, region=region or settings.region or None)
        super().__init__(
            app,
            f"{PREFIX}-{name}",
            description=description,
            env=place,
            termination_protection=settings.keep_data,
            analytics_reporting=False,
            synthesizer=DefaultStackSynthesizer(),
        )
        self.settings = settings
        if not settings.is_local:
            Tags.of(self).add("stage", settings.stage)
