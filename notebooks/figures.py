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
# # Every figure, ours in place of the paper's
#
# What do the paper's figures look like when they are drawn again? All are drawn from the record:
# no image is read but the small ones that it keeps. The data maps (figures 1, 2 and 9 to 12), which
# can be explored, have pages of their own, one a teacher, and so has figure 4,
# {doc}`the frog <worked_example>`.

# %% tags=["parameters", "hide-input"]
results = "results"  # folder of the record

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "record")

import altair as alt
import pandas as pd
from IPython.display import HTML, Markdown, display

from carto_helpers import figures, gallery, tables
from carto_helpers.charts import subset_places
from carto_helpers.findings import chosen_rows, readings
from carto_helpers.records import Results, published

_ = alt.renderers.enable("html")
record = Results(config.results)
teachers = chosen_rows.chosen_teachers(record)
students = chosen_rows.chosen_students(record)
maps = {row["dataset"]: experiments.map_frame(record, row["key"]) for _, row in teachers.iterrows()}
missing = [name for name in chosen_rows.PAPERS_DATASETS if name not in maps]

# %% [markdown]
# ## Figures 1, 2 and 9 to 12: data maps

# %% tags=["hide-input"]
for row in record.teachers().to_dict("records"):
    if row["dataset"] in chosen_rows.PAPERS_DATASETS:
        who = f"{row['dataset']}, {row['network']} from {row['start'].partition(':')[0]}"
        display(Markdown(f"- {who}: {readings.teacher_link(row)}"))
for dataset in missing:
    display(Markdown(f"- {dataset}: not run."))

# %% [markdown]
# ## Figure 3: score against subset size
#
# Open marks are the paper's values, bars our 95 % intervals.

# %% tags=["hide-input"]
figures.ablation(tables.table5(tables.summary(students), published("table5_phase3")))

# %% [markdown]
# ## Figure 5: where two subsets lie
#
# Easy-to-learn and high-correctness both hold what the teacher has no trouble with. Grey: all
# training images; blue: the subset. The spread is the root mean square distance from the subset's
# middle.

# %% tags=["hide-input"]
for dataset, frame in maps.items():
    display(Markdown(f"**{dataset}**"))
    both = subset_places.ruled(frame, ("easy-to-learn", "high-correctness"))
    display(subset_places.subset_places(frame, both))
for dataset in missing:
    display(Markdown(f"**{dataset}**: not run."))

# %% [markdown]
# ## Figures 6, 7 and 8: images of the three regions
#
# Images drawn at random from those nearest to each region's anchor, with label, index in the
# training set and the four statistics.

# %% tags=["hide-input"]
for dataset, frame in maps.items():
    display(Markdown(f"**{dataset}**"), HTML(gallery.gallery(frame)))
for dataset in missing:
    display(Markdown(f"**{dataset}**: not run."))

# %% [markdown]
# ## Figure 4 with our teacher: image 4000
#
# The paper's frog is image 4000 of CIFAR-10. This is what our teacher made of it, if the split left
# it among the training images.

# %% tags=["hide-input"]
frog = maps["cifar10"][maps["cifar10"]["index"] == 4000] if "cifar10" in maps else pd.DataFrame()
if len(frog):
    label, p_gold = frog["class"].iloc[0], frog["p_gold"].iloc[0]
    history = pd.DataFrame({"epoch": range(1, len(p_gold) + 1), label: p_gold})
    display(figures.worked_example(history, gold=label))
else:
    display(Markdown("**Not run, or not among the training images.**"))
