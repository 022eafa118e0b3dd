# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A worked example: one frog, five epochs
#
# How do five probabilities become four statistics? Appendix B of the paper follows one image of
# CIFAR-10, a frog, through five epochs. Table 6 holds the probability of every class; what the
# paper derives from it is recomputed here.

# %% tags=["hide-input"]
import altair as alt
import pandas as pd

from carto_helpers import figures, scoring
from carto_helpers.config import PhaseConfig
from carto_helpers.records import published

_ = PhaseConfig.from_notebook(globals(), "page")  # takes no parameter
_ = alt.renderers.enable("html")
table = published("table6_worked_example").set_index("epoch")
table

# %% [markdown]
# The label's column is what training dynamics see; whether the label has the largest probability
# in its row is what {term}`correctness` counts.

# %%
p_gold = table[["frog"]].to_numpy().T  # (1, 5)
is_right = (table.idxmax(axis=1) == "frog").to_numpy()[None]  # (1, 5)
ours = scoring.scores(p_gold, is_right)
pd.DataFrame(
    {
        "ours": {name: value[0].round(3) for name, value in ours.items()},
        "the paper's": {
            "confidence": 0.638,
            "variability": 0.282,
            "correctness": 0.6,
            "forgetfulness": -0.188,
        },
    }
)

# %% [markdown]
# {term}`Forgetfulness` is the slope of the least-squares line through the five points: this image
# was being forgotten.

# %% tags=["hide-input"]
figures.worked_example(table.reset_index())

# %% [markdown]
# A distribution sums to one. Epoch 3 of the printed table does not; the statistics use the label's
# column alone, so they are not touched by it.

# %% tags=["hide-input"]
table.sum(axis=1).round(3).to_frame("sum of the row")
