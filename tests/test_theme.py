"""The look: one colour a meaning, readable on light and dark, alternative text."""

import altair as alt
import pandas as pd
import pytest

from carto_helpers.charts.theme import (
    INK,
    REGION_COLOURS,
    STUDENT_COLOURS,
    finish,
    not_run,
    student_colour,
    student_scale,
)
from carto_helpers.config import FAMILIES


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_ink_is_readable_on_light_and_dark_pages(page: str) -> None:
    """Contrast as WCAG defines it."""
    light, dark = sorted((_luminance(INK), _luminance(page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 3.8


def test_every_student_and_region_has_its_own_colour() -> None:
    """No two families, and no two regions, share one."""
    assert set(STUDENT_COLOURS) == set(FAMILIES)
    assert len(set(STUDENT_COLOURS.values())) == len(set(REGION_COLOURS.values())) == 3


def test_a_student_keeps_its_colour_whoever_else_is_shown() -> None:
    """The scale depends on the name, not on the order."""
    assert student_scale(["resnet"]).to_dict()["range"] == [student_colour("resnet")]
    assert student_scale(["mobilenet", "resnet"]).to_dict()["range"][1] == student_colour("resnet")
    assert student_colour("vit_tiny") not in STUDENT_COLOURS.values()


def test_a_finished_chart_has_alternative_text_and_no_background() -> None:
    """What light and dark pages and screen readers need."""
    chart = alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q")
    made = finish(chart, "one point").to_dict()
    assert made["description"] == "one point"
    assert made["config"]["background"] == "transparent"


def test_nothing_to_show_says_not_run() -> None:
    """An empty figure is a sentence."""
    assert not_run("ablation").to_dict()["description"] == "ablation: not run"
