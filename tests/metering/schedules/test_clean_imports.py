"""Files go a week after their import was asked for; the import stays."""

from botocore.exceptions import ClientError

from oppulence.kernel import aws
from tests.metering.importing import Importing
from tests.support import cloud, entries


def clean() -> None:
    entries.entry("metering.schedules.clean_imports")({}, None)


def age(importing: Importing, import_id: str, days: int) -> None:
    importing.world.admin.execute(
        "UPDATE metering.imports SET requested_at = requested_at - %s * interval '1 day' WHERE id = %s", (days, import_id)
    )


def has_file(importing: Importing, import_id: str, name: str = "file") -> bool:
    key = f"usage-imports/{importing.world.workspace_id}/{import_id}/{name}"
    try:
        aws.client("s3").head_object(Bucket=cloud.BUCKET, Key=key)
    except ClientError:
        return False
    return True


def test_both_files_of_what_is_over_go_after_a_week(importing: Importing) -> None:
    import_id = importing.started(b"bad\n")
    importing.run(import_id)
    age(importing, import_id, 6)
    clean()
    assert has_file(importing, import_id) and has_file(importing, import_id, "errors.ndjson")
    age(importing, import_id, 2)
    clean()
    assert not has_file(importing, import_id) and not has_file(importing, import_id, "errors.ndjson")
    view = importing.view(import_id)
    assert (view["status"], view["rejected"], view["errors_url"]) == ("completed", 1, None)


def test_what_never_began_expires(importing: Importing) -> None:
    import_id = importing.uploaded(b"\n")
    age(importing, import_id, 8)
    clean()
    assert importing.view(import_id)["status"] == "expired" and not has_file(importing, import_id)
    assert importing.start(import_id).error.code == "import_over"


def test_what_runs_keeps_its_file(importing: Importing) -> None:
    import_id = importing.started(b"\n")
    age(importing, import_id, 100)
    clean()
    assert has_file(importing, import_id) and importing.run(import_id)["status"] == "completed"


def test_what_was_not_noted_is_done_again(importing: Importing) -> None:
    import_id = importing.uploaded(b"\n")
    age(importing, import_id, 8)
    clean()
    importing.world.admin.execute("UPDATE metering.imports SET removed_at = NULL WHERE id = %s", (import_id,))
    clean()
    assert importing.row(import_id)["removed_at"]
