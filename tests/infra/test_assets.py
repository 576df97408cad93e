"""What is uploaded: one file a function, the domain code a context can see, the same bytes for the same content."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import assets, cut
from infra.discovery import by_context, entry_points

POINTS = entry_points()


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_a_functions_zip_holds_its_own_file_only() -> None:
    for point in POINTS:
        assert names(assets.single_file_zip(point.path)) == [point.path]


def test_equal_content_makes_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "functions" / "shop" / "http" / "show.py"
    source.parent.mkdir(parents=True)
    source.write_text('"""Show."""\n')
    made = []
    for folder, changed_at in (("one", 1_000_000_000), ("two", 1_700_000_000)):
        os.utime(source, (changed_at, changed_at))
        monkeypatch.setattr(assets, "BUILD", tmp_path / folder)
        made.append(assets.single_file_zip("functions/shop/http/show.py", tmp_path))
    assert made[0].name == made[1].name
    assert made[0].read_bytes() == made[1].read_bytes()


def test_changed_content_makes_another_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "BUILD", tmp_path / "build")
    source = tmp_path / "show.py"
    made = []
    for text in ("1\n", "2\n"):
        source.write_text(text)
        made.append(assets.single_file_zip("show.py", tmp_path).name)
    assert made[0] != made[1]


def test_a_contexts_layer_holds_the_kernel_the_context_and_what_they_import() -> None:
    for context, points in by_context(POINTS).items():
        files = cut.of_context(context, [point.file for point in points])
        seen = {name.split("/")[1] for name in files}
        assert {"kernel", context} <= seen
        foreign = {name for name in files if name.split("/")[1] not in ("kernel", context)}
        reached = cut.reach([*files.values(), *(point.file for point in points)])
        assert {files[name] for name in foreign} <= reached, context


def test_a_layer_is_closed_under_imports() -> None:
    for context, points in by_context(POINTS).items():
        files = set(cut.of_context(context, [point.file for point in points]).values())
        for file in [*files, *(point.file for point in points)]:
            assert set(cut.imported_files(file)) <= files, (context, file)


def test_a_new_migration_redeploys_no_function() -> None:
    for context, points in by_context(POINTS).items():
        files = cut.of_context(context, [point.file for point in points])
        assert not [name for name in files if "/migrations/" in name or "/olap/" in name]


def test_the_migrations_function_has_all_sql() -> None:
    held = set(names(assets.whole_domain_zip()))
    assert "python/oppulence/tenancy/migrations/0001_workspaces.sql" in held
    assert "python/oppulence/kernel/sql/context.sql" in held


def test_a_layer_holds_byte_code_when_the_builder_has_the_targets_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "BUILD", tmp_path / "build")
    monkeypatch.setattr(assets, "PYTHON_VERSION", f"{sys.version_info.major}.{sys.version_info.minor}")
    archive = assets.domain_zip("tenancy", ())
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "opt")
    package = tmp_path / "opt" / "python" / "oppulence"
    for source in package.rglob("*.py"):
        source.write_text("raise AssertionError('the source was compiled again')")
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); import oppulence.kernel.money"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before = archive.read_bytes()
    archive.unlink()
    assert assets.domain_zip("tenancy", ()).read_bytes() == before


def test_without_it_a_layer_holds_source_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "BUILD", tmp_path)
    monkeypatch.setattr(assets, "PYTHON_VERSION", "3.0")
    assert not [name for name in names(assets.domain_zip("tenancy", ())) if name.endswith(".pyc")]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("layer", ["runtime", "providers/clickhouse"])
def test_a_layer_of_packages_is_for_lambdas_python_and_fits(layer: str) -> None:
    archive = assets.packages_zip(layer)
    with zipfile.ZipFile(archive) as opened:
        binaries = [name for name in opened.namelist() if name.endswith(".so") and "cpython-" in name]
        assert all("cpython-313-aarch64" in name for name in binaries)
        assert sum(info.file_size for info in opened.infolist()) < 200_000_000
        assert any(name.endswith(".pyc") for name in opened.namelist()) == assets.compiles()
