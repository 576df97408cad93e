"""A stack's layers. Each stack has its own versions: one shared by reference could never change while it is used."""

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra import assets
from infra.settings import Settings


class Layers(Construct):
    """The domain code that a context can see, the packages of every function, and those of providers on first use."""

    def __init__(self, scope: Construct, settings: Settings, domain: Path | None) -> None:
        super().__init__(scope, "Layers")
        self.settings = settings
        self.made: dict[str, str] = {}
        self.contents: dict[str, str] = {}
        self.common = [self._layer("domain", domain or assets.placeholder()), self._packages("runtime")]

    def arns(self, names: Iterable[str] = ()) -> list[str]:
        """ARNs of the two that every function has, and of the named ones, such as `providers/clickhouse`."""
        return [*self.common, *(self._packages(name) for name in sorted(set(names)))]

    def hashes(self, names: Iterable[str] = ()) -> list[str]:
        """What is in those layers: a reference to one says nothing of it."""
        return [self.contents[name] for name in ("domain", "runtime", *sorted(set(names)))]

    def _packages(self, name: str) -> str:
        if name not in self.made:
            zipped = assets.packages_zip(name) if self.settings.build_layers else assets.placeholder()
            self.made[name] = self._layer(name, zipped)
        return self.made[name]

    def _layer(self, name: str, zipped: Path) -> str:
        words = name.split("/")[-1].capitalize()
        asset = s3_assets.Asset(self, f"{words}Zip", path=str(zipped))
        self.contents[name] = asset.asset_hash
        layer = lambda_.CfnLayerVersion(
            self,
            words,
            content=lambda_.CfnLayerVersion.ContentProperty(s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key),
            compatible_runtimes=["python3.13"],
            compatible_architectures=["arm64"],
            description=f"{name} of the platform",
        )
        layer.override_logical_id(f"{words}Layer")
        return layer.ref
