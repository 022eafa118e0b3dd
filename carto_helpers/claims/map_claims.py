"""The paper's claims about data maps and soft labels: a teacher's map in, a finding out.

The examples of the training split are the rows behind each test; there is one teacher behind each
map, so that nothing is said of another teacher's.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int64

from carto_helpers.claims.verdicts import Finding, above, decide, unknown
from carto_helpers.findings.teacher_map import TeacherMap
from carto_helpers.paired import Paired, share_interval, subset_contrast
from carto_helpers.selection import PHASE1_RULES

NEARLY_ALL = 0.9  # our reading of the words: this share of the examples
MOST = 0.5


def nearly_all_easy(found: TeacherMap) -> Finding:
    """Test: at least `NEARLY_ALL` of the examples nearest to the anchor of easy-to-learn."""
    is_easy = found.lies_nearest("easy-to-learn")
    reading = f"{is_easy.mean():.1%} of the examples lie nearest to the easy-to-learn anchor"
    return _share(found, is_easy, NEARLY_ALL, "share easy-to-learn", reading)


def ambiguous_are_learnt(found: TeacherMap) -> Finding:
    """Test: most of the ambiguous examples wrong after the first epoch and right after the last.

    Ambiguous are those nearest to the anchor. The ambiguous subset, whose size is given, may hold
    mostly others; the reading tells of both.
    """
    is_ambiguous, subset = found.lies_nearest("ambiguous"), found.subset("ambiguous")
    is_learnt = ~found.record.is_right[:, 0] & found.record.is_right[:, -1]
    third = (
        f"of the ambiguous third {is_learnt[subset].mean():.0%} ({is_ambiguous[subset].mean():.1%} "
        "of it lies nearest to that anchor)"
    )
    if not is_ambiguous.any():
        return unknown(found.dataset, found.network, f"no example is ambiguous; {third}")
    learnt = is_learnt[is_ambiguous]
    reading = (
        f"{learnt.mean():.0%} of the {len(learnt):,} ambiguous examples are wrong after the first "
        f"epoch and right after the last; {third}"
    )
    return _share(found, learnt, MOST, "share wrong first and right last", reading)


def hard_are_mislabelled(found: TeacherMap) -> Finding:
    """Tell what the teacher makes of the hard-to-learn labels; only people can judge them.

    Whether a label is wrong is no row of the record, so that there are none to test with.
    """
    if found.soft is None:
        return unknown(found.dataset, found.network, "no labels were checked by people")
    top = found.soft.argmax(axis=1) != found.record.labels
    doubted = top & (found.soft.max(axis=1) > MOST)
    hard = doubted[found.lies_nearest("hard-to-learn")]
    of_hard = f" and {hard.mean():.0%} of the {len(hard):,} hard-to-learn ones" if len(hard) else ""
    reading = (
        "no labels were checked by people; the teacher gives more than half to another class for "
        f"{doubted.mean():.0%} of all examples{of_hard}"
    )
    return unknown(found.dataset, found.network, reading)


def easy_spreads_less(found: TeacherMap) -> Finding:
    """Test: on the map easy-to-learn spreads less than high-correctness, and that than random.

    Spread is the mean distance from the subset's own centre in the (variability, confidence)
    plane.
    """
    chain = ("easy-to-learn", "high-correctness", "random")
    spread = {rule: _distances(found, found.subset(rule)) for rule in chain}
    compared = {
        f"{wide} less {narrow}": subset_contrast(spread[wide], spread[narrow])
        for narrow, wide in pairwise(chain)
    }
    listed = ", ".join(f"{rule} {np.nanmean(spread[rule]):.3f}" for rule in chain)
    is_easy = found.lies_nearest("easy-to-learn")[found.subset("easy-to-learn")]
    return decide(
        compared,
        n_planned=2,
        dataset=found.dataset,
        subject=found.network,
        reading=f"mean distance from the centre: {listed}; of the easy-to-learn third "
        f"{is_easy.mean():.0%} lie nearest to that anchor",
    )


def random_has_richer_labels(found: TeacherMap) -> Finding:
    """Test: the soft labels of a random subset have more entropy than those of each other subset.

    Entropy, in nats, is our reading of "richer": how far the teacher's label is from one class.
    """
    if found.soft is None:
        return unknown(found.dataset, found.network, "no logits are recorded")
    entropy = found.entropy()
    of = {rule: _within(entropy, found.subset(rule)) for rule in PHASE1_RULES}
    compared: dict[str, Paired] = {
        rule: subset_contrast(of["random"], of[rule]) for rule in PHASE1_RULES if rule != "random"
    }
    n_below = sum(contrast.difference > 0 for contrast in compared.values())
    highest = max(compared, key=lambda rule: -compared[rule].difference)
    reading = (
        f"mean entropy of random {np.nanmean(of['random']):.3f} nats, above {n_below} of "
        f"{len(compared)} subsets; highest: {highest}, {np.nanmean(of[highest]):.3f}"
    )
    place = {"dataset": found.dataset, "subject": found.network, "reading": reading}
    return decide(compared, n_planned=len(compared), **place)


def _share(
    found: TeacherMap, is_in: Bool[np.ndarray, " n"], least: float, what: str, reading: str
) -> Finding:
    share = share_interval(int(is_in.sum()), len(is_in))
    place = {"dataset": found.dataset, "subject": found.network, "reading": reading}
    return above(share, least, what=what, **place)


def _distances(found: TeacherMap, subset: Int64[np.ndarray, " n"]) -> Float[np.ndarray, " N"]:
    axes = ("variability", "confidence")
    points = np.stack([found.statistics[name][subset] for name in axes], axis=1)  # (n, 2)
    distances = np.full(found.n, np.nan)
    distances[subset] = np.linalg.norm(points - points.mean(axis=0), axis=1)
    return distances


def _within(
    values: Float[np.ndarray, " N"], subset: Int64[np.ndarray, " n"]
) -> Float[np.ndarray, " N"]:
    inside = np.full(len(values), np.nan)
    inside[subset] = values[subset]
    return inside
