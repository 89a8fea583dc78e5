from typing import Any

class Hub:
    fd: int
    now_us: int
    wall_offset_us: int
    def take(self) -> tuple[list[tuple[Any, ...]], list[int]]: ...
