"""One change to a file: what stands there, what stands there instead, and where."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Change:
    """A change of one place; `file` is relative to `src/spacetune`, lines count from 1, columns are in bytes from 0."""

    file: str
    kind: str
    start: tuple[int, int]
    stop: tuple[int, int]
    new: str
    lines: tuple[int, int]
    """The lines whose readers would notice: the statement's, or the whole file's (0, 0) where it is read on import."""

    @property
    def key(self) -> str:
        return f"{self.file}:{self.start[0]}:{self.start[1]}:{self.stop[0]}:{self.stop[1]} {self.kind} {self.new}"

    @property
    def room(self) -> str:
        return self.file.split("/")[0]

    def applied(self, text: str) -> str:
        rows = text.encode().splitlines(keepends=True)
        begin = sum(map(len, rows[: self.start[0] - 1])) + self.start[1]
        end = sum(map(len, rows[: self.stop[0] - 1])) + self.stop[1]
        whole = text.encode()
        return (whole[:begin] + self.new.encode() + whole[end:]).decode()

    def told(self, text: str) -> dict[str, str]:
        """Return the changed line before and after."""
        number = self.start[0] - 1
        before, after = (each.splitlines()[number].strip() for each in (text, self.applied(text)))
        return {"before": before, "after": after}
