"""Amazon SES. `SendEmail` (v2) has no idempotency token: what a failure says about a mail that may have gone out is told here."""

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from oppulence.kernel import environment
from oppulence.kernel.aws import client
from oppulence.recovery.mails import Content

_REFUSED_FOR_GOOD = frozenset({"MessageRejected", "BadRequestException"})
_NEVER_LEFT = (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one address; the tags let SES's own reports be read by case and step."""

    to: str
    content: Content
    case_id: str
    step: str


class Refused(Exception):
    """SES will never send this mail. The message is SES's error code alone: its words may name the address."""


class NotSent(Exception):
    """The mail certainly did not go out; it may be asked for again."""


class Uncertain(Exception):
    """The mail may have gone out: the answer is missing."""


def send(letter: Letter) -> str:
    """Hand a mail to SES; returns its message id.

    Raises:
        Refused, NotSent, Uncertain: see there.
    """
    content = letter.content
    try:
        answer = client("sesv2").send_email(
            FromEmailAddress=environment.required("MAIL_FROM"),
            Destination={"ToAddresses": [letter.to]},
            Content={
                "Simple": {"Subject": _utf8(content.subject), "Body": {"Text": _utf8(content.text), "Html": _utf8(content.html)}}
            },
            EmailTags=[{"Name": "case", "Value": letter.case_id}, {"Name": "step", "Value": letter.step}],
        )
    except ClientError as error:
        raise _of_answer(error) from error
    except _NEVER_LEFT as error:
        raise NotSent(type(error).__name__) from error
    except BotoCoreError as error:
        raise Uncertain(type(error).__name__) from error
    message_id: str = answer["MessageId"]
    return message_id


def _of_answer(error: ClientError) -> Exception:
    """What an error answer means: 4xx is a refusal, for good or for now; after 5xx nobody knows."""
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    if code in _REFUSED_FOR_GOOD:
        return Refused(code)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    return NotSent(code) if 400 <= status < 500 else Uncertain(code)


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
