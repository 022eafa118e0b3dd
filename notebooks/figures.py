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
# no image is read but the small ones that it keeps. No images of the paper's figures came with its
# text, so that beside ours there are its captions and, for figure 3, its numbers. The data maps,
# which can be explored, have pages of their own; those of further networks follow here (grey: all
# training images, blue: the third nearest to a region's anchor). Figure 4 has a page too,
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
from carto_helpers.findings import chosen_rows, map_figures, readings
from carto_helpers.records import Results, published
from carto_helpers.selection import ANCHORS

_ = alt.renderers.enable("html")
record = Results(config.results)
teachers = chosen_rows.chosen_teachers(record)
students = chosen_rows.chosen_students(record)
maps = {row["dataset"]: experiments.map_frame(record, row["key"]) for _, row in teachers.iterrows()}
recorded = record.teachers()[record.teachers()["dataset"].isin(chosen_rows.PAPERS_DATASETS)]
missing = [name for name in chosen_rows.PAPERS_DATASETS if name not in maps]

# %% [markdown]
# ## Figures 1, 2 and 9 to 12: data maps

# %% tags=["hide-input"]
Markdown(tables.markdown(map_figures.map_figures(recorded, record.students())))

# %% tags=["hide-input"]
for row in map_figures.without_page(recorded, record.students()).to_dict("records"):
    frame = experiments.map_frame(record, row["key"])
    regions = subset_places.ruled(frame, list(ANCHORS))
    display(Markdown(f"**{row['dataset']}, {row['network']} from {row['start']}**"))
    display(subset_places.subset_places(frame, regions))

# %% [markdown]
# ## Figure 3: score against subset size
#
# Open marks are the paper's values, bars our 95 % intervals.

# %% tags=["hide-input"]
five = tables.table5(tables.summary(students), published("table5_phase3"))
figures.ablation(five)

# %% tags=["hide-input"]
Markdown(readings.read_coverage({"5": five}))

# %% [markdown]
# ## Figure 5: where two subsets lie
#
# Easy-to-learn and high-correctness both hold what the teacher has no trouble with. Grey: all
# training images; blue: the subset. The spread is the mean distance from the subset's own centre.

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
# Images drawn at random, of those that the record keeps, with label, index in the training set and
# the four statistics. An image counts to the region whose anchor is nearest, which may be few: a
# third of the split nearest to *ambiguous* holds mostly others.

# %% tags=["hide-input"]
for dataset, frame in maps.items():
    display(Markdown(f"**{dataset}**"), HTML(gallery.gallery(frame)))
for dataset in missing:
    display(Markdown(f"**{dataset}**: not run."))

# %% [markdown]
# ## Figure 4 with our teacher: image 4000
#
# The paper calls image 4000 of CIFAR-10 a frog.

# %% tags=["hide-input"]
found = maps["cifar10"][maps["cifar10"]["index"] == 4000] if "cifar10" in maps else pd.DataFrame()
label = found["class"].iloc[0] if len(found) else ""
Markdown(map_figures.read_image_4000(label))

# %% tags=["hide-input"]
if label:
    p_gold = found["p_gold"].iloc[0]
    history = pd.DataFrame({"epoch": range(1, len(p_gold) + 1), label: p_gold})
    display(figures.worked_example(history, gold=label))

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(students), caption="Provenance of the students' rows.")

# %% tags=["hide-input"]
tables.show(tables.provenance(teachers), caption="Provenance of the teachers' rows.")
