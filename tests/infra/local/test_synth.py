"""The fingerprint that decides whether the template is synthesized again."""

from pathlib import Path

from infra.local.synth import fingerprint


def write(repo: Path, name: str, text: str) -> None:
    file = repo / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_whatever_the_template_is_made_of_changes_the_fingerprint_and_nothing_else_does(tmp_path: Path) -> None:
    seen = {fingerprint(tmp_path)}
    for name in (
        "cdk.json",
        "infra/stacks/api.py",
        "infra/state_machines/recovery/dunning.asl.json",
        "functions/sync/http/list_events.py",
        "layers/domain/oppulence/kernel/http.py",
        "layers/runtime/requirements.lock",
    ):
        for text in ("one", "two"):
            write(tmp_path, name, text)
            assert (now := fingerprint(tmp_path)) not in seen
            seen.add(now)
    for name in ("infra/local/deploy.py", "infra/ops/main.py", "tests/test_x.py", "README.md"):
        write(tmp_path, name, "x")
    assert fingerprint(tmp_path) == now
    (tmp_path / "cdk.json").rename(tmp_path / "app.py")
    assert fingerprint(tmp_path) not in seen
