"""Exports: what usage came to, or the events themselves, as files in the bucket.

`requests` takes, shows and deletes them, `due` makes those of schedules, `writing` is the work, file by file.
"""
