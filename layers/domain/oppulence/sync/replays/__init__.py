"""Applying stored events again: after a mistake was mended, or for a part of the mirror that was lost.

A replay never doubles anything: an object's state is settled by the same rule, a fact is told once, ever, and consumers do not
hear of events that they know. It runs in steps, each one transaction with its place in the selection and the event that brings
the next: a crash at any moment repeats a step that left nothing behind.
"""
