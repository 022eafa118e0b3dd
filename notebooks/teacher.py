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
# # The teacher and its training dynamics
#
# Which network should teach, and what does it make of every training image on the way? A grid of
# networks and learning rates is trained; after each epoch one pass over the training split records
# the probability of every image's label (section 3.3.1 and table 2 of the paper). The best by
# macro F1 on the validation split is the teacher.

# %% tags=["parameters", "hide-input"]
dataset = "digits"  # digits, mnist, cifar10, cifar100, or the path of an image folder
data_root = None  # where the named data sets lie; None: the user's cache
image_size = 0  # pixels a side that images are scaled and cut to; 0: as they are
architectures = ["resnet"]  # the grid: mobilenet, efficientnet, resnet, or timm names
learning_rates = [1e-3]  # the grid: Adam's learning rates
teacher_start = "scratch"  # scratch, paper (ImageNet), a data set's name, FILE.safetensors
batch_size = 32  # examples a step
split_seed = 0  # of the 80/20 split
epochs = 10
device = "auto"  # auto, cpu, cuda, cuda:N, mps
results = "results"  # folder of the record
train = True  # whether missing runs may be trained

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "teacher")

import altair as alt
from IPython.display import Markdown

from carto_helpers import tables
from carto_helpers.charts import data_map
from carto_helpers.findings import readings
from carto_helpers.records import Results, published

_ = alt.renderers.enable("html")

# %% tags=["hide-input", "hide-output"]
rows = experiments.teachers(config)

# %% [markdown]
# ## Answer

# %% tags=["hide-input"]
Markdown(readings.read_teachers(rows))

# %% tags=["hide-input"]
Markdown(readings.read_cost(rows))

# %% [markdown]
# ## Every teacher that was tried

# %% tags=["hide-input"]
tables.show(
    tables.teacher_grid(rows),
    caption="Teachers, the highest macro F1 on the validation split first.",
    notes="That score chooses among those that are to teach; ours: macro F1 on the test set.",
)

# %% [markdown]
# ## Ours beside the paper's

# %% tags=["hide-input"]
tables.show(
    tables.table2(rows.head(1), published("table2_teachers"), datasets=[rows["dataset"].iloc[0]]),
    caption="The teacher of this page (table 2).",
    notes="In percent, as the paper prints it.",
    unit="percent",
)

# %% [markdown]
# ## The data map of the teacher
#
# Every training image by the probability that the teacher gave to its label: the mean over epochs
# ({term}`confidence`) against the standard deviation ({term}`variability`). Hover over a point to
# see the image; drag over the map to see where the selection lies in the three distributions.

# %% tags=["hide-input"]
frame = experiments.map_frame(Results(config.results), rows["key"].iloc[0])
data_map.data_map(frame)

# %% tags=["hide-input"]
Markdown(data_map.map_caption(frame))

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(rows), caption="Provenance of the rows above.")
