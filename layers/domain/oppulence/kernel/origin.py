"""The way in. Outside the laptop's cloud the API is called through CloudFront only, which proves itself by a secret header.

An HTTP API can be called past CloudFront, and so past its firewall. And whoever calls may write what he likes into a header:
who the viewer is says CloudFront alone, so its word counts only together with the secret.
"""

import hmac
from dataclasses import replace
from ipaddress import ip_address

from oppulence.kernel import environment
from oppulence.kernel.errors import DirectCall
from oppulence.kernel.request import Request
from oppulence.kernel.secret import origin_secrets

SECRET_HEADER = "x-origin-secret"
VIEWER_HEADER = "cloudfront-viewer-address"


def admit(request: Request) -> Request:
    """The request with its viewer's address, and without the secret that brought it in.

    Raises:
        DirectCall: it did not come through CloudFront.
    """
    if environment.is_local():
        return request
    sent = (request.header(SECRET_HEADER) or "").encode("utf-8", "surrogatepass")
    fits = [hmac.compare_digest(sent, known) for known in origin_secrets()]  # all of them: time tells nothing
    if not any(fits):
        raise DirectCall("Call the API at its public address; this one answers CloudFront only.")
    headers = {name: text for name, text in request.headers.items() if name != SECRET_HEADER}
    return replace(request, headers=headers, source_ip=viewer(request.header(VIEWER_HEADER) or "") or request.source_ip)


def viewer(text: str) -> str | None:
    """The address in `198.51.100.7:46532`, `2001:db8::1:46532` or `[2001:db8::1]:46532`; None if there is none."""
    for candidate in (text.rpartition(":")[0], text):
        try:
            return str(ip_address(candidate.removeprefix("[").removesuffix("]")))
        except ValueError:
            continue
    return None
