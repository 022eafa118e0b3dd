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
# # Quickstart: your images, a map, a third of them, a student
#
# A teacher is trained on a folder of images, and how it fared with each of them draws a data map.
# The map shows which labels look wrong; a small network is trained on a third of the images. For
# your own images set `dataset` to a folder with `train/` and `test/`, one folder a class in each,
# and `image_size` if they differ in size. From nothing it takes two to three minutes on two cores,
# on the digits.

# %% tags=["parameters", "hide-input"]
dataset = "digits"  # a name, or a folder with train/ and test/ (images by class, or Parquet files)
image_size = 0  # pixels a side that images are scaled and cut to; 0: as they are
results = "results"  # folder of the record: what is trained is kept there and found again
teacher = "best"  # of those recorded, else a ResNet-50; resnet18 or any timm name is quicker
architecture = "mobilenet"  # the student: mobilenet, efficientnet, resnet, or a timm name
rule = "random"  # which images it learns from: random, low-confidence, easy-to-learn, …
fraction = 0.33  # how many of the training images, in (0, 1]
epochs = 10  # of teacher and student
device = "auto"  # auto, cpu, cuda, cuda:N, mps
train = True  # whether what is missing may be trained

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "quickstart")

import altair as alt
from IPython.display import HTML, Markdown

from carto_helpers import gallery, own_maps, tables
from carto_helpers.charts import data_map
from carto_helpers.findings import readings

_ = alt.renderers.enable("html")

# %% [markdown]
# ## The teacher, and the map
#
# Up: the teacher is sure of the label. Right: it changed its mind from epoch to epoch. Hover over a
# point to see its image, drag to choose some.

# %% tags=["hide-input", "hide-output"]
frame = own_maps.map_table(config)

# %% tags=["hide-input"]
data_map.data_map(frame, n=2_000)

# %% tags=["hide-input"]
Markdown(data_map.map_caption(frame, n=2_000))

# %% [markdown]
# ## Labels that look wrong
#
# The images whose label the teacher found least probable, on average over its epochs. Some are
# mislabelled, some are only hard: look at them. `carto map` writes the scores of all, and
# `cleanlab_issues` hands them to cleanlab.

# %% tags=["hide-input"]
HTML(gallery.suspicious(frame))

# %% tags=["hide-input"]
Markdown(tables.markdown(readings.suspicious_table(frame)))

# %% [markdown]
# ## A third of the images
#
# The paper finds a random third hard to beat ({doc}`tested here <claims>`), so `rule` is random
# unless you choose another. The file names an image a row.

# %% tags=["hide-input"]
third = own_maps.subset_table(frame, config)
path = own_maps.write_subset(third, config)
Markdown(readings.read_subset(third, frame, str(path)))

# %% [markdown]
# ## A student on that third
#
# It learns from the teacher's outputs and from the labels, as in the paper. From a file that you
# changed by hand `carto distill --subset` learns likewise.

# %% tags=["hide-input", "hide-output"]
phase = experiments.distill(config)

# %% tags=["hide-input"]
Markdown(readings.read_student(phase.teacher, phase.students))

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(phase.students), caption="Provenance of the student's row.")
