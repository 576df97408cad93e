"""Errors of analytics."""

from oppulence.kernel.errors import NotFound


class ReportNotFound(NotFound):
    """There is no report of this name; `reports` lists those there are."""

    code = "report_not_found"


class AnalyticsNotConfigured(NotFound):
    """This deployment runs without an analytical store, so it has no reports."""

    code = "analytics_not_configured"
