"""A fixed row of 64-bit numbers that hot code may change without the GIL.

The compiled `_int_array` holds them outside of Python's heap; this plain module is its meaning.
"""


class IntArray:
    """`count` numbers, all 0 at first; `data` may be indexed from 0 to `count - 1`."""

    def __init__(self, count: int) -> None:
        self.size = count
        self.data = [0] * count

    def fill(self, value: int) -> None:
        """Set every number."""
        self.data[:] = [value] * self.size
