"""What recovery refuses."""

from oppulence.kernel.errors import NotFound


class CaseNotFound(NotFound):
    """No such case in this workspace."""

    code = "recovery_case_not_found"
