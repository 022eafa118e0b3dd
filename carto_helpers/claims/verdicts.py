"""From comparisons to a verdict: holds, does not, not yet known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from carto_helpers.metrics import Interval
from carto_helpers.paired import LEVEL, Paired, holm
from carto_helpers.printed_numbers import number, signed

HOLDS, DOES_NOT, UNKNOWN = "holds", "does not hold", "not yet known"
CONTRADICTED, NOT_SHOWN = "contradicted", "not shown"  # why a claim does not hold


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the rows say of one claim in one place: a data set and a student, or a teacher's map.

    `statistic` is that of the comparison that decides, in words; `n` the rows behind it, pairs of
    seeds or examples; `p` its corrected p value (NaN where an interval decides); `low` and `high`
    the ends of its 95 % interval. `reading` says what was found, `paper` the same
    of the paper's own table, `reason` why the claim does not hold (`CONTRADICTED` or `NOT_SHOWN`).
    Of the `n_asked` comparisons that the claim makes `n_made` have their rows, `n_shown` are shown
    as it says, `n_against` the other way. `doubts` tells the marks of the rows behind it, ""
    where they have none.
    """

    dataset: str
    subject: str
    verdict: str
    reading: str
    reason: str = ""
    paper: str = ""
    statistic: str = ""
    n: int = 0
    p: float = field(default=float("nan"))
    low: float = field(default=float("nan"))
    high: float = field(default=float("nan"))
    n_shown: int = 0
    n_against: int = 0
    n_made: int = 0
    n_asked: int = 1
    doubts: str = ""


def unknown(dataset: str, subject: str, reading: str, n: int = 0) -> Finding:
    """Return the finding where a side has fewer than `LEAST_ROWS` rows."""
    return Finding(dataset=dataset, subject=subject, verdict=UNKNOWN, reading=reading, n=n)


def decide(
    compared: dict[str, Paired], *, n_planned: int, dataset: str, subject: str, reading: str
) -> Finding:
    """Return the finding of a claim that says every one of the planned differences is positive.

    It holds if each is positive with a p value, corrected by Holm's rule for the planned number,
    of at most 0.05. It does not if one is shown to be negative, or if all were made and the test
    does not show each. Where some were not made and none is negative, it is not yet known.

    That all are positive could be said without the correction: then each p is to be at most 0.05,
    which is wrong no oftener (Berger 1982, intersection–union tests). The correction is the
    stricter; where it alone denies the claim, the reading says so.

    Parameters
    ----------
    compared
        By name, each over at least `LEAST_ROWS` pairs; may be empty.
    n_planned
        How many comparisons the claim speaks of.
    dataset, subject
        Where.
    reading
        What was found, in words.

    Returns
    -------
    Finding
        Its numbers are those of the comparison that decides: the one shown to be negative with
        the least p value, else the one with the largest (the positive ones last).

    Examples
    --------
    >>> found = {"a": Paired(0.1, 0.05, 0.15, 8.0, 5, 0.001)}
    >>> decide(found, n_planned=1, dataset="cifar10", subject="resnet", reading="").verdict
    'holds'
    """
    if not compared:
        return unknown(dataset, subject, reading)
    p = _corrected(compared, n_planned)
    shown = [name for name in compared if p[name] <= LEVEL]
    against = [name for name in shown if compared[name].difference < 0]
    n_shown = len(shown) - len(against)
    if against:
        verdict, name = DOES_NOT, min(against, key=lambda name: p[name])
    else:
        is_made = len(compared) == n_planned
        verdict = (HOLDS if n_shown == n_planned else DOES_NOT) if is_made else UNKNOWN
        name = max(compared, key=lambda name: (compared[name].difference <= 0, p[name]))
    reason = (CONTRADICTED if against else NOT_SHOWN) if verdict == DOES_NOT else ""
    largest = max(found.p for found in compared.values())
    all_alone = largest <= LEVEL and all(found.difference > 0 for found in compared.values())
    if reason == NOT_SHOWN and all_alone:
        reading += f"; uncorrected, each difference passes (the largest p {largest:.3f})"
    return Finding(
        dataset=dataset,
        subject=subject,
        verdict=verdict,
        reading=reading,
        reason=reason,
        n_shown=n_shown,
        n_against=len(against),
        n_made=len(compared),
        n_asked=n_planned,
        **_numbers(name, compared[name], p[name]),
    )


def decide_any(
    compared: dict[str, Paired], *, n_planned: int, dataset: str, subject: str, reading: str
) -> Finding:
    """Return the finding of a claim that says at least one of the differences is positive.

    As `decide`, but one that is shown is enough; its numbers are those of the least p value among
    the positive ones.

    Examples
    --------
    >>> found = {"a": Paired(0.1, 0.05, 0.15, 8.0, 5, 0.001), "b": Paired(-0.1, 0, 0, -8, 5, 0.001)}
    >>> decide_any(found, n_planned=2, dataset="mnist", subject="resnet", reading="").verdict
    'holds'
    """
    if not compared:
        return unknown(dataset, subject, reading)
    p = _corrected(compared, n_planned)
    name = min(compared, key=lambda name: (compared[name].difference <= 0, p[name]))
    is_shown = compared[name].difference > 0 and p[name] <= LEVEL
    verdict = HOLDS if is_shown else DOES_NOT if len(compared) == n_planned else UNKNOWN
    all_below = len(compared) == n_planned and all(
        found.difference < 0 and p[other] <= LEVEL for other, found in compared.items()
    )
    reason = (CONTRADICTED if all_below else NOT_SHOWN) if verdict == DOES_NOT else ""
    return Finding(
        dataset=dataset,
        subject=subject,
        verdict=verdict,
        reading=reading,
        reason=reason,
        **_numbers(name, compared[name], p[name]),
    )


def above(
    share: Interval, bound: float, *, what: str, dataset: str, subject: str, reading: str
) -> Finding:
    """Return the finding of a claim that says a share exceeds `bound`, by its interval.

    Examples
    --------
    >>> share = Interval(0.95, 0.93, 0.97, 400)
    >>> above(share, 0.9, what="share", dataset="mnist", subject="", reading="").verdict
    'holds'
    """
    reason = "" if share.low > bound else CONTRADICTED if share.high < bound else NOT_SHOWN
    return _by_interval(share, bound, reason, what, Place(dataset, subject, reading))


def below(
    share: Interval, bound: float, *, what: str, dataset: str, subject: str, reading: str
) -> Finding:
    """Return the finding of a claim that says a share lies below `bound`, by its interval."""
    reason = "" if share.high < bound else CONTRADICTED if share.low > bound else NOT_SHOWN
    return _by_interval(share, bound, reason, what, Place(dataset, subject, reading))


class Place(NamedTuple):
    """Where something was found, and what in words."""

    dataset: str
    subject: str
    reading: str


def _by_interval(share: Interval, bound: float, reason: str, what: str, place: Place) -> Finding:
    return Finding(
        **place._asdict(),
        verdict=DOES_NOT if reason else HOLDS,
        reason=reason,
        statistic=f"{what}: {number(share.mean, 3)}, against {bound}",
        n=share.n,
        low=share.low,
        high=share.high,
    )


def _corrected(compared: dict[str, Paired], n_planned: int) -> dict[str, float]:
    p = holm([found.p for found in compared.values()], n_planned)
    return dict(zip(compared, p, strict=True))


def _numbers(name: str, found: Paired, p: float) -> dict[str, Any]:
    statistic = f"{name}: {signed(found.difference)}, {found.letter} = {number(found.statistic, 1)}"
    return {"statistic": statistic, "n": found.n, "p": p, "low": found.low, "high": found.high}


def overall(verdicts: Sequence[str]) -> str:
    """Return the verdict of a claim from those of its places.

    Examples
    --------
    >>> overall(["holds", "not yet known"]), overall(["holds", "does not hold"])
    ('holds', 'does not hold')
    """
    known = [verdict for verdict in verdicts if verdict != UNKNOWN]
    if not known:
        return UNKNOWN
    return DOES_NOT if DOES_NOT in known else HOLDS
