"""One look for every chart: colours, fonts, and what both light and dark pages need."""

from typing import Any

import altair as alt
from altair.typing import ChartType

# Okabe and Ito's palette: told apart with any kind of colour vision. One colour, one meaning.
STUDENT_COLOURS = {"mobilenet": "#0072B2", "efficientnet": "#009E73", "resnet": "#D55E00"}
REGION_COLOURS = {
    "easy-to-learn": "#009E73",
    "ambiguous": "#CC79A7",
    "hard-to-learn": "#E69F00",
}
# Ten classes: the sequence of M. A. Petroff, "Accessible Color Sequences for Data Visualization",
# arXiv:2107.02270 (2021), chosen for colour-blind readers.
CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70",
    "#717581", "#92dadd",
)  # fmt: skip
OTHER_STUDENT = "#56B4E9"
CORRECTNESS_RANGE = ("#D55E00", "#A8A29A", "#0072B2")  # never right, half, always right
INK = "#767676"  # contrast above 3.8 on white and on the book's dark page
FAINT = "rgba(118, 118, 118, 0.25)"
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, DejaVu Sans, sans-serif"
MAX_WIDTH = 700  # pixels; the book's page cuts off what is wider
# Saving a picture needs nothing from the network; the editor would.
ACTIONS = {"export": True, "source": False, "compiled": False, "editor": False}


def finish(chart: ChartType, description: str) -> ChartType:
    """Return the chart with the theme and its alternative text.

    The theme travels in the chart, not in Altair's global state: it looks the same in a notebook,
    in the book and in a test.

    Parameters
    ----------
    chart
        A whole chart: a themed one cannot be joined to others.
    description
        What a reader who cannot see it should know.
    """
    axis: dict[str, Any] = {
        "domainColor": INK, "tickColor": INK, "gridColor": FAINT, "labelColor": INK,
        "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
    }  # fmt: skip
    legend: dict[str, Any] = {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
    }
    themed: ChartType = (
        chart.properties(
            description=description, usermeta={"embedOptions": {"actions": ACTIONS}}, padding=4
        )
        .configure(background="transparent", font=FONT)
        .configure_view(stroke=FAINT)
        .configure_axis(**axis)
        .configure_legend(**legend, titleFontWeight="normal")
        .configure_title(color=INK, fontSize=12, fontWeight="bold", anchor="start", frame="group")
    )
    return themed


def student_scale(students: list[str]) -> alt.Scale:
    """Return the colour scale of these students: always the same colour for the same one."""
    return alt.Scale(domain=students, range=[student_colour(name) for name in students])


def student_colour(student: str) -> str:
    """Return the one colour of a student's family, or that of every other network."""
    return STUDENT_COLOURS.get(student, OTHER_STUDENT)


def not_run(what: str) -> ChartType:
    """Return a chart that says that there is nothing to show yet."""
    text = f"{what}: not run"
    chart = alt.Chart(alt.InlineData(values=[{"text": text}]), width=300, height=60)
    words = chart.mark_text(color=INK, fontSize=13).encode(text=alt.Text("text:N"))
    return finish(words, text)
