"""What the console's routes refuse."""

from oppulence.kernel.errors import NotFound, Unavailable


class AssetNotFound(NotFound):
    """The reference has no such file."""

    code = "asset_not_found"


class NotReady(Unavailable):
    """A store does not answer; `not_ready` names which."""

    code = "not_ready"
