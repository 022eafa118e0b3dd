"""Claims about teachers, on made rows whose verdict is known."""

import numpy as np
import pandas as pd
import pytest
from made_runs import teacher_row

from carto_helpers.claims import teacher_claims as claims
from carto_helpers.claims.verdicts import CONTRADICTED, DOES_NOT, HOLDS, NOT_SHOWN, UNKNOWN


def made_strengths(easy, middle=None) -> pd.DataFrame:
    n = len(easy)
    return pd.DataFrame({
        "network": [f"net{i}" for i in range(n)],
        "start": "scratch",
        "val_macro_f1": np.linspace(0.9, 0.5, n),
        "easy": easy,
        "middle_left": [0.0] * n if middle is None else middle,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("easy", "verdict", "reason"),
    [
        ([0.9, 0.8, 0.7, 0.6], HOLDS, ""),
        ([0.6, 0.7, 0.8, 0.9], DOES_NOT, CONTRADICTED),
        ([0.9, 0.7, 0.8, 0.6], DOES_NOT, NOT_SHOWN),
        ([0.5, 0.5, 0.5, 0.5], DOES_NOT, NOT_SHOWN),
        ([0.9, 0.8, 0.7], UNKNOWN, ""),  # no order of three is rarer than one in six
    ],
)
def test_more_easy_examples_for_the_stronger(easy, verdict, reason) -> None:
    found = claims.stronger_means_easier(made_strengths(easy), "cifar10")
    assert (found.verdict, found.reason, found.n) == (verdict, reason, len(easy))


def test_fewer_in_the_middle_for_the_stronger() -> None:
    rising = made_strengths([0.5] * 4, [0.1, 0.2, 0.3, 0.4])
    found = claims.stronger_means_decisive(rising, "cifar10")
    assert found.verdict == HOLDS
    assert found.statistic.startswith("Kendall's τ = −1.00")
    falling = made_strengths([0.5] * 4, [0.4, 0.3, 0.2, 0.1])
    assert claims.stronger_means_decisive(falling, "cifar10").reason == CONTRADICTED


def made_grid(gains) -> pd.DataFrame:
    rows = []
    for i, gain in enumerate(gains):
        setting = {"dataset": "cifar10", "network": f"net{i}"}
        rows += [
            teacher_row(**setting, start="scratch", val_macro_f1=0.7),
            teacher_row(**setting, start="paper", val_macro_f1=0.7 + gain),
        ]
    rows.append(teacher_row(dataset="cifar10", network="alone", start="paper"))
    rows.append(teacher_row(dataset="mnist", network="net0", start="paper"))
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("gains", "verdict", "reason"),
    [
        ([0.10, 0.11, 0.12], HOLDS, ""),
        ([-0.10, -0.11, -0.12], DOES_NOT, CONTRADICTED),
        ([-0.10, 0.11, 0.12], DOES_NOT, NOT_SHOWN),
        ([0.10, 0.11], UNKNOWN, ""),
        ([], UNKNOWN, ""),
    ],
)
def test_pretrained_against_scratch_in_pairs_of_one_setting(gains, verdict, reason) -> None:
    found = claims.pretrained_wins(made_grid(gains), "cifar10")
    assert (found.verdict, found.reason, found.n) == (verdict, reason, len(gains))


def test_the_start_of_the_best_is_told() -> None:
    found = claims.pretrained_wins(made_grid([0.10, 0.11, 0.12]), "cifar10")
    assert found.reading == "pairs: 3 from paper; best of the grid: net2 from paper"


@pytest.mark.parametrize(
    ("shares", "verdict", "reason"),
    [
        ([0.05, 0.06, 0.05], HOLDS, ""),
        ([0.20, 0.21, 0.20], DOES_NOT, CONTRADICTED),
        ([0.02, 0.09, 0.16], DOES_NOT, NOT_SHOWN),
        ([0.05, 0.06], UNKNOWN, ""),
        ([], UNKNOWN, ""),
    ],
)
def test_little_is_a_tenth_of_the_time(shares, verdict, reason) -> None:
    rows = [
        teacher_row(dataset="cifar10", seconds=100.0, dynamics_seconds=100 * share)
        for share in shares
    ]
    rows.append(teacher_row(dataset="mnist"))
    found = claims.dynamics_add_little(pd.DataFrame(rows), "cifar10")
    assert (found.verdict, found.reason, found.n) == (verdict, reason, len(shares))


def test_a_pair_is_of_the_same_images() -> None:
    """One data set read from two places: each teacher has its own from scratch."""
    grid = made_grid([0.10, 0.11, 0.12])
    both = pd.concat([grid, grid.assign(fingerprint="another")])
    assert claims.pretrained_wins(both, "cifar10").n == 6
