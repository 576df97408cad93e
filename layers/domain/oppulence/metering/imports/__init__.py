"""Imports of usage events from files.

`requests` gives a place to upload to, starts, shows and cancels; `machines` has one execution for each import; `reading` is the
work of an execution: a range of the file at a time, cut at line ends by `lines`, columns made into events by `columns`.
"""
