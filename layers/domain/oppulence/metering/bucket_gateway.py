"""The workspaces' bucket, whatever lies in it."""

from typing import Any

from oppulence.kernel import environment
from oppulence.kernel.aws import answering
from oppulence.kernel.errors import Unavailable


def erase(prefix: str) -> None:
    """Delete all objects below a prefix. Repeating it is harmless; the bucket forgets what was deleted some weeks later.

    Raises:
        Unavailable: S3 does not answer, or keeps one of them.
    """
    bucket = environment.required("BUCKET")
    with answering("s3", "The bucket does not answer.") as s3:
        pages: Any = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            if found := [{"Key": one["Key"]} for one in page.get("Contents", [])]:
                kept = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True}).get("Errors")
                if kept:
                    raise Unavailable(f"The bucket keeps {len(kept)} objects: {kept[0].get('Code')}.")
