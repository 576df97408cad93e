"""Roles that AWS services take."""

from collections.abc import Iterable
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct


def service_role(scope: Construct, id_: str, service: str, policies: list[tuple[str, list[dict[str, Any]]]]) -> iam.CfnRole:
    """A role that one AWS service takes, with everything it may do written inside it."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return iam.CfnRole(
        scope,
        id_,
        assume_role_policy_document=document([trust]),
        policies=[
            iam.CfnRole.PolicyProperty(policy_name=name, policy_document=document(statements)) for name, statements in policies
        ],
    )


def document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
