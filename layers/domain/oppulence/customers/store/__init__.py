"""Statements of the customers context: one function each."""
