"""Physical names and the values that stacks hand each other: said once, so that a template can name what another one makes."""

from aws_cdk import CfnOutput, Fn, Stack

from oppulence.kernel.drop_in import DropIn

PREFIX = "oppulence"
DOMAIN_BUS = f"{PREFIX}-domain"
INBOUND_BUS = f"{PREFIX}-inbound"
PARTNER_BUS = f"{PREFIX}-partner"
ORIGIN_SECRET = f"{PREFIX}/origin"
"""By name: its copies in other regions have the same."""

TABLES = ("limits", "idempotency", "connections")
NAME_MAX = 64


def named(*parts: str) -> str:
    """A physical name of the platform, such as `oppulence-billing-finalize_invoice`.

    Raises:
        ValueError: it is longer than the 64 characters that functions and rules may have.
    """
    name = "-".join((PREFIX, *parts))
    if len(name) > NAME_MAX:
        raise ValueError(f"{name} has {len(name)} characters; AWS takes {NAME_MAX}: shorten the file's name")
    return name


def arn(service: str, resource: str, **variables: str) -> str:
    """An ARN of this account and region; `${Name}` in `resource` stands for one of the variables."""
    text = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    return Fn.sub(text, variables or None)


def export(stack: Stack, name: str, value: str) -> None:
    """Hand a value to other stacks. It cannot change while they use it."""
    CfnOutput(stack, name, value=value, export_name=f"{PREFIX}-{name}")


def imported(name: str) -> str:
    """A value that another stack exports."""
    return Fn.import_value(f"{PREFIX}-{name}")


def api_id(drop_in: DropIn | None) -> str:
    """Under which name the id of an API is exported: the platform's own, or that of a drop-in surface."""
    return f"{drop_in.name.capitalize()}ApiId" if drop_in else "ApiId"


def mapping_key(drop_in: DropIn) -> str:
    """Below which path of the domain the API of a drop-in surface stands, for CloudFront only."""
    return f"drop-in-{drop_in.name}"
