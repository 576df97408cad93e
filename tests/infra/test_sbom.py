"""The bill of materials names what is locked, and tells what functions ship from what only builds and tests them."""

import json
import re

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.checks.sbom import bill, locked, shipped
from infra.discovery import REPO


def test_it_is_valid_and_the_same_each_time() -> None:
    made = bill()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made) is None
    assert made == bill()


def test_it_names_everything_that_is_locked() -> None:
    components = {one["purl"]: one for one in json.loads(bill())["components"]}
    for pin in locked(REPO / "requirements.lock"):
        name, _, version = pin.partition("==")
        purl = f"pkg:pypi/{re.sub(r'[_.]', '-', name).lower()}@{version}"
        assert purl in components, purl
    assert components["pkg:npm/aws-cdk@2.1148.1"]["scope"] == "excluded"
    assert components["pkg:npm/aws-cdk@2.1148.1"]["hashes"][0]["alg"] == "SHA-512"


def test_what_layers_hold_is_required() -> None:
    components = json.loads(bill())["components"]
    required = {f"{one['name']}=={one['version']}" for one in components if one["scope"] == "required"}
    assert required == shipped()
    names = {pin.partition("==")[0] for pin in required}
    assert "psycopg" in names and "pytest" not in names
