"""Clients of AWS: what they sign is for the place where it is sent."""

import pytest

from oppulence.kernel import aws


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_links_lead_to_the_region_they_are_signed_for(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    client = aws.client.__wrapped__("s3")  # another one than the process's, which other tests go on to use
    link = client.generate_presigned_url("get_object", Params={"Bucket": "our-bucket", "Key": "k"})
    host = "our-bucket.s3.amazonaws.com" if region == "us-east-1" else f"our-bucket.s3.{region}.amazonaws.com"
    assert link.startswith(f"https://{host}/k?") and f"%2F{region}%2Fs3" in link
