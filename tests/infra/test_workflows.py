"""GitHub's workflows: of their published schema, actions at commits, short-lived credentials only, and only where needed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.discovery import REPO
from infra.settings import STAGES

GITHUB = REPO / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-actions": sorted(GITHUB.glob("actions/*/action.yml")),
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
DEPLOYING = {"diff.yml", "preview.yml", "stage.yml", "deploy.yml"}
USES = re.compile(r"uses: (\S+)(.*)")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_they_are_of_their_schema(schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, SCHEMAS[schema])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_actions_are_pinned_to_commits_with_their_version_beside() -> None:
    foreign = []
    for file in [*WORKFLOWS, *SCHEMAS["vendor.github-actions"]]:
        for name, note in USES.findall(file.read_text()):
            if name.startswith("./"):
                assert (REPO / name).exists(), (file.name, name)
            else:
                assert re.fullmatch(r"(actions|aws-actions|github)/[\w/-]+@[0-9a-f]{40}", name), (file.name, name)
                assert re.fullmatch(r" # v\d+\.\d+\.\d+", note), (file.name, name)
                foreign.append(name)
    assert len({name.partition("@")[0] for name in foreign}) >= 8
    versions = {name.partition("@")[0]: set[str]() for name in foreign}
    for name in foreign:
        versions[name.partition("@")[0]].add(name)
    assert all(len(pins) == 1 for pins in versions.values()), "one version of each"


def test_nobody_has_a_key_and_few_may_ask_for_a_role() -> None:
    for file in WORKFLOWS:
        text = file.read_text()
        assert not re.search(r"aws-(access-key-id|secret-access-key)|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY)", text), file.name
        assert ("id-token: write" in text) == (file.name in DEPLOYING), file.name
        assert text.count("permissions:\n  contents: read\n\n") == 1, f"{file.name}: nothing may be written unless a job says so"
        assert "pull_request_target" not in text, file.name


def test_no_text_of_a_pull_request_is_run() -> None:
    for file in WORKFLOWS:
        for line in re.findall(r"run: (.*)", file.read_text()):
            assert "${{" not in line.replace("${{ matrix.stage }}", ""), (file.name, line)


def test_every_stage_is_synthesized_before_a_merge() -> None:
    assert f"stage: [{', '.join(STAGES)}]" in (GITHUB / "workflows" / "check.yml").read_text()


def test_prod_comes_after_staging_and_migrations_before_functions() -> None:
    deploy, stage = (GITHUB / "workflows" / "deploy.yml").read_text(), (GITHUB / "workflows" / "stage.yml").read_text()
    assert "  prod:\n    needs: staging\n" in deploy
    steps = ["deploy oppulence-migrations", "db migrate --aws", "deploy --all", "oppulence smoke --aws"]
    places = [stage.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.slow
def test_the_roles_of_workflows_are_a_clean_template() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(REPO / "infra" / "ops" / "github_oidc.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
