"""A small assembly written by hand: what a synthesized one holds, without the ten seconds of synthesis."""

import json
from pathlib import Path
from typing import Any

from infra.local.deploy import zipped

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
ROUTE = "functions/demo/http/show.py"
FORTNIGHT_S = 14 * 86_400
CONSUMER = "functions/demo/consumers/on_thing.py"

ROUTE_SOURCE = '''
import base64, json, os
import boto3

def handler(event, context):
    """Encrypt and decrypt, read the secret, put a message on the queue; answer what was seen."""
    body = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event.get("body", "").encode()
    if event["rawPath"] == "/v1/decrypt":
        plain = boto3.client("kms").decrypt(CiphertextBlob=base64.b64decode(body))["Plaintext"].decode()
        return {"statusCode": 200, "body": plain}
    if event["rawPath"] == "/v1/fail":
        raise LookupError("no such\\nthing")
    cipher = boto3.client("kms").encrypt(KeyId=os.environ["DATA_KEY_ID"], Plaintext=body or b"-")["CiphertextBlob"]
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["KERNEL_SECRET"])["SecretString"]
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_THINGS"], MessageBody=body.decode() or "-")
    seen = {"cipher": base64.b64encode(cipher).decode(), "secret": secret, "path": event["rawPath"],
            "pg_host": os.environ["PG_HOST"], "home": os.environ.get("HOME"), "headers": event["headers"],
            "length": len(body)}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
'''

CONSUMER_SOURCE = """
import os
import boto3

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    for record in event["Records"]:
        table.put_item(Item={"id": record["body"], "batch": len(event["Records"])})
    return {"batchItemFailures": []}
"""


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    """A function's role with one inline policy."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "own", "PolicyDocument": policy}],
        },
    }


def allow(action: str | list[str], resource: object) -> dict[str, Any]:
    """A policy statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def arn(name: str) -> dict[str, Any]:
    """The ARN of a resource of the template."""
    return {"Fn::GetAtt": [name, "Arn"]}


def function(source: str, key: str, variables: dict[str, Any]) -> dict[str, Any]:
    """A function of one file, with the layer that no local function may get."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Architectures": ["arm64"],
            "Handler": source.removesuffix(".py") + ".handler",
            "Code": {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": key},
            "Role": arn(f"{key[:5]}Role"),
            "Layers": [{"Ref": "Runtime"}],
            "Timeout": 20,
            "Environment": {"Variables": variables},
        },
    }


def template() -> dict[str, Any]:
    """Function, API, queue, table, key, secret, layer and a nested stack with a table that expires."""
    secret = {"Ref": "Secret"}
    return {
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
        "Resources": {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {
                    "EnableKeyRotation": True,
                    "KeyPolicy": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                                "Action": "kms:*",
                                "Resource": "*",
                            }
                        ],
                    },
                },
            },
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"PasswordLength": 40, "ExcludePunctuation": True}},
            },
            "ClickHouseSecret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": {}}},
            "Things": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 120}},
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "BillingMode": "PAY_PER_REQUEST",
                },
            },
            "Runtime": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"Content": {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": "layer.zip"}},
            },
            "routeRole": role(
                allow(["kms:Encrypt", "kms:Decrypt"], arn("Key")),
                allow("secretsmanager:GetSecretValue", secret),
                allow("sqs:SendMessage", arn("Things")),
            ),
            "Route": function(
                ROUTE,
                "route.zip",
                {
                    "DATA_KEY_ID": arn("Key"),
                    "KERNEL_SECRET": secret,
                    "QUEUE_THINGS": {"Ref": "Things"},
                    "PG_HOST": "db.aws",
                },
            ),
            "queueRole": role(
                allow("dynamodb:PutItem", arn("Table")),
                allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn("Things")),
            ),
            "Consumer": function(CONSUMER, "queue.zip", {"TABLE": {"Ref": "Table"}}),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": arn("Things"),
                    "FunctionName": {"Ref": "Consumer"},
                    "BatchSize": 100,
                    "MaximumBatchingWindowInSeconds": 1,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
            "Waits": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": "waits",
                    "RoleArn": arn("routeRole"),
                    "DefinitionString": json.dumps(
                        {"StartAt": "Fortnight", "States": {"Fortnight": {"Type": "Wait", "Seconds": FORTNIGHT_S, "End": True}}}
                    ),
                },
            },
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Name": "app",
                    "ProtocolType": "HTTP",
                    "Tags": {"ms-custom-id": "app"},
                    "CorsConfiguration": {"AllowOrigins": ["https://app.example.com"], "AllowMethods": ["GET"]},
                },
            },
            "Stage": {
                "Type": "AWS::ApiGatewayV2::Stage",
                "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
            },
            "Integration": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": "Api"},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": arn("Route"),
                    "PayloadFormatVersion": "2.0",
                },
            },
            "Paths": {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": "Api"},
                    "RouteKey": "ANY /v1/{proxy+}",
                    "Target": {"Fn::Sub": "integrations/${Integration}"},
                },
            },
            "Permission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": arn("Route"),
                    "Principal": "apigateway.amazonaws.com",
                },
            },
            "Nested": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": {"Fn::Sub": f"https://s3.${{AWS::Region}}.${{AWS::URLSuffix}}/{BUCKET}/nested.json"}
                },
            },
        },
        "Outputs": {
            "KeyArn": {"Value": arn("Key")},
            "ClickHouseSecretArn": {"Value": {"Ref": "ClickHouseSecret"}},
            "TableName": {"Value": {"Ref": "Table"}},
            "RouteName": {"Value": {"Ref": "Route"}},
            "ConsumerName": {"Value": {"Ref": "Consumer"}},
        },
    }


def nested_template() -> dict[str, Any]:
    """A stack inside the stack, with a table whose items expire."""
    return {
        "Resources": {
            "Leases": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "TableName": "leases",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "BillingMode": "PAY_PER_REQUEST",
                    "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
                },
            }
        }
    }


def write(directory: Path, stack: dict[str, Any]) -> Path:
    """Write an assembly of one stack named `Demo`."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "layer" / "python").mkdir(parents=True, exist_ok=True)
    (directory / "layer" / "python" / "boto3.py").write_text("raise ImportError('built for AWS, not for this machine')")
    (directory / "route.zip").write_bytes(zipped({ROUTE: ROUTE_SOURCE.encode()}))
    (directory / "queue.zip").write_bytes(zipped({CONSUMER: CONSUMER_SOURCE.encode()}))
    (directory / "Nested.nested.template.json").write_text(json.dumps(nested_template()))
    (directory / "Demo.template.json").write_text(json.dumps(stack))
    files = {
        "route.zip": ("route.zip", "file"),
        "queue.zip": ("queue.zip", "file"),
        "layer.zip": ("layer", "zip"),
        "nested.json": ("Nested.nested.template.json", "file"),
        "Demo.json": ("Demo.template.json", "file"),
    }
    assets = {
        key: {
            "source": {"path": path, "packaging": packaging},
            "destinations": {"here": {"bucketName": BUCKET, "objectKey": key}},
        }
        for key, (path, packaging) in files.items()
    }
    (directory / "Demo.assets.json").write_text(json.dumps({"files": assets, "dockerImages": {}}))
    artifacts = {
        "Demo": {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": "Demo.template.json"},
            "dependencies": ["Demo.assets"],
        },
        "Demo.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Demo.assets.json"}},
    }
    (directory / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    return directory
