"""Python's garbage collector, held back while very many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def many_objects(*, stay: bool = False) -> Iterator[None]:
    """Holds the garbage collector back: it would walk over 100,000 objects again and again, and find nothing.

    With `stay` they count as permanent afterwards, or the first look after that would walk over all of them again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if stay:
                gc.freeze()
            gc.enable()
