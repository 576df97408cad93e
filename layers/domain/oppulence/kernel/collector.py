"""Python's collector of cycles, out of the way of work that makes very many objects and no cycles.

Else it walks all that the process holds again and again, the more often the more there is to do.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing meanwhile; what nobody refers to is freed at once all the same."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
