"""Alerts: a meter's quantity reaches a threshold, and that is told once.

`thresholds` takes, shows, changes and deletes them, `touched` finds what usage came since the last look, `looking` looks.
"""
