"""Who may import whom: functions use their context, a context uses the kernel, contracts, and what stands below it."""

from pathlib import Path

import pytest

from infra.discovery import REPO
from tests.architecture.house import DOMAIN, RANKS, context_of, domain_imports, outside_imports, python_files, short, tree

DOMAIN_FILES = python_files("layers/domain")
FUNCTION_FILES = python_files("functions")
AWS = {"boto3", "botocore"}
PROVIDERS = {"stripe", "plaid", "clickhouse_connect"}
TOUCHES_AWS = {
    "tenancy/export.py": "puts the export of a workspace into S3",
    "tenancy/letter_bodies.py": "bodies of dead letters in S3",
    "tenancy/deletion.py": "tells a store that is away from a failure",
    "connections/door_table.py": "the doors' table in DynamoDB",
    "connections/doors.py": "tells a table that is away from a failure",
}
"""Files beside the gateways that call AWS, and for what."""


def allowed(importer: str, module: str) -> bool:
    """Whether a context's code may import a module of the domain package: of a lower rank its api, what that raises and gives."""
    _, context, *rest = module.split(".")
    if context in ("kernel", importer):
        return True
    if rest == ["events"]:
        return True
    return rest in (["api"], ["errors"], ["stripe_gateway"]) and RANKS[context] < RANKS[importer]


@pytest.mark.parametrize("file", DOMAIN_FILES, ids=map(short, DOMAIN_FILES))
def test_a_context_imports_the_kernel_contracts_and_lower_apis_only(file: Path) -> None:
    own = context_of(file)
    assert own in RANKS, f"say the rank of '{own}' in tests/architecture/house.py"
    if own == "kernel":
        foreign = {name for name in domain_imports(tree(file)) if not name.startswith("oppulence.kernel")}
    else:
        foreign = {name for name in domain_imports(tree(file)) if not allowed(own, name)}
    assert not foreign, f"{short(file)} may not import {sorted(foreign)}"


def test_contracts_import_nothing_of_other_contexts() -> None:
    for file in [*DOMAIN.glob("*/events.py"), *DOMAIN.glob("*/events/*.py")]:
        own = ("oppulence.kernel", f"oppulence.{context_of(file)}.events")
        foreign = {name for name in domain_imports(tree(file)) if not name.startswith(own)}
        assert not foreign, (short(file), foreign)


def test_a_function_uses_its_context_the_kernel_and_contracts_only() -> None:
    for file in FUNCTION_FILES:
        own = context_of(file)
        names = domain_imports(tree(file))
        foreign = {name for name in names if not allowed(own, name) or name.endswith(".api") and name != f"oppulence.{own}.api"}
        assert not foreign, (short(file), foreign)


def test_functions_import_no_function_and_no_provider() -> None:
    for file in FUNCTION_FILES:
        assert not outside_imports(tree(file)) & ({"functions", "psycopg", "os"} | AWS | PROVIDERS), short(file)


def test_only_gateways_call_aws() -> None:
    for file in DOMAIN_FILES:
        name = file.relative_to(DOMAIN).as_posix()
        if context_of(file) == "kernel" or file.stem.endswith("_gateway") or name in TOUCHES_AWS:
            continue
        assert not outside_imports(tree(file)) & AWS, short(file)
        assert "oppulence.kernel.aws" not in domain_imports(tree(file)), short(file)


def test_the_list_of_files_that_call_aws_is_not_longer_than_need_be() -> None:
    for name in TOUCHES_AWS:
        file = DOMAIN / name
        assert file.exists() and (outside_imports(tree(file)) & AWS or "oppulence.kernel.aws" in domain_imports(tree(file))), name


def test_provider_packages_load_in_their_gateway_only() -> None:
    for file in DOMAIN_FILES:
        found = outside_imports(tree(file)) & PROVIDERS
        if context_of(file) != "kernel" and not file.stem.endswith("_gateway"):
            assert not found, (short(file), found)


def test_the_template_knows_nothing_of_what_runs_on_the_laptop() -> None:
    own = [REPO / "infra" / f"{name}.py" for name in ("settings", "discovery", "names", "assets", "cut", "openapi", "catalogue")]
    for file in [*own, *python_files("infra/constructs", "infra/stacks", "infra/functions")]:
        assert "infra.local" not in file.read_text(), short(file)


def test_packages_do_not_re_export() -> None:
    for file in DOMAIN_FILES:
        if file.name == "__init__.py" and file.parent.name != "events":  # a context's contract is one name, however many files
            assert not outside_imports(tree(file)), f"{short(file)}: every import here is loaded by all functions"


def test_no_module_stands_outside_a_context() -> None:
    assert {file.relative_to(REPO).parts[3] for file in DOMAIN_FILES} <= set(RANKS)
