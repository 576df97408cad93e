"""Queues as the house has them: encrypted, over TLS only, and filled by named rules, or by roles that name them, only."""

from collections.abc import Sequence

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.entry_function import with_id
from infra.constructs.roles import document
from infra.names import arn, named

RETENTION_S = 14 * 86_400
MAX_RECEIVE_COUNT = 1_000
"""A store that is down sends records back each minute: they outlive an outage. Bad records are dead-lettered by the consumer."""


def rule_arn(bus: str | None, name: str) -> str:
    """The ARN of a rule, on a bus or on the account's own."""
    return arn("events", f"rule/{bus}/{name}" if bus else f"rule/{name}")


class Queue(Construct):
    """A queue that takes events from the given rules, if any; with `dead_letters` one for what fails in it."""

    def __init__(
        self, scope: Construct, id_: str, slug: tuple[str, ...], rules: Sequence[str], visibility_s: int | None = None,
        dead_letters: "Queue | None" = None,
    ) -> None:  # fmt: skip
        super().__init__(scope, id_)
        self.name = named(*slug)
        queue = sqs.CfnQueue(
            self,
            "Queue",
            queue_name=self.name,
            sqs_managed_sse_enabled=True,
            message_retention_period=RETENTION_S,
            visibility_timeout=visibility_s,
            redrive_policy=_redrive(dead_letters) if dead_letters else None,
        )
        self.arn = with_id(queue, id_).attr_arn
        self.url = queue.ref
        policy = sqs.CfnQueuePolicy(self, "Policy", queues=[self.url], policy_document=self._policy(rules))
        with_id(policy, f"{id_}Policy")

    def _policy(self, rules: Sequence[str]) -> dict[str, object]:
        fill = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": self.arn, "Condition": {"ArnEquals": {"aws:SourceArn": list(rules)}},
        }  # fmt: skip
        tls = {
            "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": self.arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        return document([fill, tls] if rules else [tls])


def _redrive(dead_letters: Queue) -> dict[str, object]:
    return {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": MAX_RECEIVE_COUNT}
