"""One line of the table: what is promised, the harm that was done, how often, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A promise put to the test `n` times.

    `broken` tells of each time that it was not kept; `note` says what else is to be known;
    `command` repeats it, where that is not the whole part's.
    """

    promise: str
    harm: str
    n: int
    broken: Sequence[str] = ()
    note: str = ""
    command: str = ""

    @property
    def verdict(self) -> str:
        """What came of it, in a few words."""
        if not self.n:
            return f"not done: {self.note}"
        kept = f"kept {self.n - len(self.broken)} of {self.n} times"
        return f"{kept}; {self.note}" if self.note else kept

    @property
    def is_kept(self) -> bool:
        """Whether it was never broken."""
        return not self.broken
