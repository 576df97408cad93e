"""boto3 for the laptop's emulator: the user's own profile, keys, proxies and certificates play no part."""

import os

import boto3
import botocore.session
from botocore.config import Config

from infra.local.emulator import CREDENTIALS, REGION

# botocore's own variables as (name in a config file, environment variable, default, conversion): read none of the user's
NOT_THE_USERS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}


def session() -> boto3.session.Session:
    """A session as the emulator's root; give its clients `endpoint_url`."""
    own = botocore.session.Session(session_vars=NOT_THE_USERS)
    own.set_default_client_config(Config(proxies={}, retries={"total_max_attempts": 2}))
    return boto3.session.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
        botocore_session=own,
    )
