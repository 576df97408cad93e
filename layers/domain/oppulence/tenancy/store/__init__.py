"""Queries, one function a statement. Row-level security supplies the workspace."""
