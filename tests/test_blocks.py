"""Stretches and blocks: every example once, in order, whatever the counts."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carto_helpers.blocks import blocks_of, in_stretches


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 50))
def test_stretches_and_their_blocks_hold_each_example_once_in_order(
    n_total: int, worth_a_thread: int, size: int
) -> None:
    parts = in_stretches(lambda s: list(blocks_of(s, size)), n_total, worth_a_thread)
    rows = [block for part in parts for block in part]
    assert [i for block in rows for i in range(block.start, block.stop)] == list(range(n_total))
    assert all(0 < block.stop - block.start <= size for block in rows)


@pytest.mark.parametrize(("n_total", "n_stretches"), [(10, 1), (11, 2), (1_000, 3)])
def test_few_examples_get_one_thread_many_every_core(
    n_total: int, n_stretches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert len(in_stretches(lambda stretch: stretch, n_total, 10)) == n_stretches


def test_what_a_stretch_raises_is_raised() -> None:
    def refuse(stretch: slice) -> None:
        if stretch.stop == 20:
            raise ValueError("the last one")

    with pytest.raises(ValueError, match="the last one"):
        in_stretches(refuse, 20, 5)
