"""The bill of materials in CycloneDX, made of the lock files alone: `python -m infra.checks.sbom > sbom.cdx.json`.

Equal locks make equal bytes, so it holds no time. What functions ship is `required`; tools and tests are `excluded`.
"""

import base64
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from infra.discovery import REPO

NAMESPACE = uuid.UUID("6f0a1e6e-5f0e-5f43-9a8e-1d6f6f1b7c21")
_PINNED = re.compile(r"^([A-Za-z0-9_.\-]+)==([^\s;\\]+)")


def bill(root: Path = REPO) -> str:
    """The document as JSON."""
    bom = Bom(components=[*_python(root), *_node(root)])
    bom.metadata.component = Component(
        name="oppulence", type=ComponentType.APPLICATION, version=_version(root), bom_ref="oppulence"
    )
    bom.register_dependency(bom.metadata.component, [one for one in bom.components if one.scope is ComponentScope.REQUIRED])
    names = "\n".join(sorted(str(one.purl) for one in bom.components))
    bom.serial_number = uuid.uuid5(NAMESPACE, names)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=1, sort_keys=True)


def locked(file: Path) -> dict[str, str]:
    """Names and versions that a lock file of Python packages pins. One may be pinned twice, for different Pythons."""
    found = (match for line in file.read_text().splitlines() if (match := _PINNED.match(line)))
    return {f"{match[1]}=={match[2]}": match[2] for match in found}


def shipped(root: Path = REPO) -> set[str]:
    """What layers hold, as `name==version`."""
    files = [root / "layers" / "runtime" / "requirements.lock", *sorted(root.glob("layers/providers/*/requirements.lock"))]
    return {pin for file in files for pin in locked(file)}


def _python(root: Path) -> Iterator[Component]:
    required = shipped(root)
    pins = {pin for name in ("requirements.lock", "infra/local/olap.lock") for pin in locked(root / name)} | required
    for pin in sorted(pins):
        name, _, version = pin.partition("==")
        purl = PackageURL("pypi", name=name.lower(), version=version)
        scope = ComponentScope.REQUIRED if pin in required else ComponentScope.EXCLUDED
        yield Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, scope=scope, bom_ref=str(purl))


def _node(root: Path) -> Iterator[Component]:
    """The command line of the CDK and what it needs; none of it is shipped."""
    for place, package in json.loads((root / "package-lock.json").read_text())["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            purl = PackageURL("npm", name=name, version=package["version"])
            hashes = [HashType(alg=HashAlgorithm.SHA_512, content=_hex(package["integrity"]))] if "integrity" in package else []
            yield Component(
                name=name, version=package["version"], type=ComponentType.LIBRARY, purl=purl, scope=ComponentScope.EXCLUDED,
                hashes=hashes, bom_ref=str(purl),
            )  # fmt: skip


def _hex(integrity: str) -> str:
    return base64.b64decode(integrity.removeprefix("sha512-")).hex()


def _version(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


if __name__ == "__main__":
    sys.stdout.write(bill() + "\n")
