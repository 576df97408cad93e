"""Errors of the mirror."""

from oppulence.kernel.errors import NotFound


class ObjectNotFound(NotFound):
    """The mirror has no such object in this workspace."""

    code = "object_not_found"
