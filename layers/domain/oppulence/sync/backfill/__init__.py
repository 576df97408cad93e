"""Backfill: objects listed at Stripe, page by page, into the mirror.

`requests` takes and shows them, `machines` starts one execution for each type, `pages` is the work of an execution.
"""
