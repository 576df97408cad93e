"""Each rewrite of a template, and that it leaves the rest alone."""

import json
from typing import Any

import pytest

from infra.local import rewrites


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": resources}


def secret(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def test_a_reference_to_a_secret_becomes_its_arn_wherever_it_stands() -> None:
    other = {"Ref": "Queue"}
    stack = template(
        Secret=secret(),
        Policy={
            "Type": "AWS::IAM::Policy",
            "Properties": {"Resource": [{"Ref": "Secret"}, other, {"Fn::Sub": "${Secret}-${Queue}"}]},
        },
        Named={"Type": "X", "Properties": {"Fn::Sub": ["${Secret}/${Other}", {"Secret": "kept", "Other": other}]}},
    )
    rewrites.secret_reference_is_its_arn(stack)
    assert stack["Resources"]["Policy"]["Properties"]["Resource"] == [
        {"Fn::GetAtt": ["Secret", "Id"]},
        other,
        {"Fn::Sub": "${Secret.Id}-${Queue}"},
    ]
    named = {"Fn::Sub": ["${Secret}/${Other}", {"Secret": "kept", "Other": other}]}
    assert stack["Resources"]["Named"]["Properties"] == named


def test_cors_keys_start_small() -> None:
    stack = template(Api={"Type": "AWS::ApiGatewayV2::Api", "Properties": {"CorsConfiguration": {"AllowOrigins": ["*"]}}})
    rewrites.cors_keys_start_small(stack)
    assert stack["Resources"]["Api"]["Properties"]["CorsConfiguration"] == {"allowOrigins": ["*"]}


def test_only_variables_that_a_function_names_are_overridden() -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Environment": {"Variables": {"PG_HOST": "aws", "A": "b"}}},
    }
    stack = template(One=function, Two={"Type": "AWS::Lambda::Function", "Properties": {}})
    rewrites.override_variables(stack, {"PG_HOST": "127.0.0.1", "PG_PORT": "5432"})
    variables = stack["Resources"]["One"]["Properties"]["Environment"]["Variables"]
    assert variables == {"PG_HOST": "127.0.0.1", "A": "b"}
    assert "Environment" not in stack["Resources"]["Two"]["Properties"]


def test_a_generated_secret_is_the_same_after_a_restart_and_another_elsewhere() -> None:
    def value(stack_name: str, seed: bytes, **rules: Any) -> str:
        stack = template(Secret=secret(GenerateSecretString=rules))
        rewrites.keep_generated_secrets(stack, stack_name, seed)
        assert "GenerateSecretString" not in stack["Resources"]["Secret"]["Properties"]
        return str(stack["Resources"]["Secret"]["Properties"]["SecretString"])

    first = value("kernel", b"seed", PasswordLength=200)
    assert len(first) == 200
    assert first.isalnum()
    assert first == value("kernel", b"seed", PasswordLength=200)
    assert first != value("kernel", b"other", PasswordLength=200)
    assert first != value("sync", b"seed", PasswordLength=200)
    keyed = value("kernel", b"seed", SecretStringTemplate='{"user": "app"}', GenerateStringKey="password")
    assert json.loads(keyed).keys() == {"user", "password"}
    with pytest.raises(ValueError, match="ExcludeCharacters"):
        value("kernel", b"seed", ExcludeCharacters="abc")


def test_plain_http_is_let_in_and_every_other_denial_stays() -> None:
    tls = {
        "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    fill = {"Effect": "Allow", "Action": "sqs:SendMessage"}
    denied = {"Effect": "Deny", "Action": "sqs:DeleteQueue"}
    stack = template(
        QueuePolicy={"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": {"Statement": [fill, tls, denied]}}},
        BucketPolicy={"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": [tls]}}},
    )
    rewrites.let_plain_http_in(stack)
    assert stack["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"] == [fill, denied]
    assert "BucketPolicy" not in stack["Resources"]


def test_batches_and_mails_are_allowed_by_the_names_that_the_emulator_asks_for() -> None:
    def statement(action: object) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": action, "Resource": "arn"}

    statements = [statement(["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"]), statement("ses:SendEmail")]
    policies = [{"PolicyName": "own", "PolicyDocument": {"Statement": statements}}]
    stack = template(Role={"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}})
    rewrites.name_what_is_allowed(stack)
    queue, mail = stack["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    batch = "sqs:ChangeMessageVisibilityBatch"
    assert (queue["Action"], queue["Resource"]) == (["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", batch], "arn")
    assert mail["Resource"] == "*"
