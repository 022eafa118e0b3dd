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
# # Phase 1: thirteen subsets
#
# Which third of the training images should a student see? Twelve rules choose 33 % of the training
# split, eleven of them by the teacher's training dynamics, and the whole split is the thirteenth
# (table 3 of the paper).

# %% tags=["parameters", "hide-input"]
dataset = "digits"  # digits, mnist, cifar10, cifar100, or the path of an image folder
data_root = None  # where the named data sets lie; None: the user's cache
image_size = 0  # pixels a side that images are scaled and cut to; 0: as they are
architecture = "mobilenet"  # the student: mobilenet, efficientnet, resnet, or a timm name
teacher = "best"  # best of the recorded, or a family, or a timm name
teacher_start = "scratch"  # scratch, paper (ImageNet), a data set's name, FILE.safetensors
student_start = "scratch"  # the same for the student
learning_rate = 1e-3  # the student's
teacher_learning_rate = 1e-3  # the teacher's, where one must be trained
temperature = 1.0  # T of equation 3
hard_weight = 0.5  # the paper's α: the weight of the hard labels, in [0, 1]
batch_size = 32  # examples a step
split_seed = 0  # of the 80/20 split
seeds = 1  # how many: n runs seeds 0 … n − 1
epochs = 10  # of teacher and student
fraction = 0.33  # of the training split that a subset holds, in (0, 1]
device = "auto"  # auto, cpu, cuda, cuda:N, mps
results = "results"  # folder of the record
train = True  # whether missing runs may be trained

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "phase1")

import altair as alt
from IPython.display import Markdown

from carto_helpers import figures, tables
from carto_helpers.charts import data_map
from carto_helpers.findings import beside_random, readings, report_card, teacher_map
from carto_helpers.records import Results, published

_ = alt.renderers.enable("html")

# %% tags=["hide-input", "hide-output"]
phase = experiments.phase1(config)

# %% [markdown]
# ## Answer

# %% tags=["hide-input"]
table = tables.table3(
    tables.summary(phase.students),
    published("table3_phase1"),
    datasets=[phase.teacher["dataset"]],
    students=[phase.student],
    fraction=config.fraction,
)
found = beside_random.beside_random(table, phase.students)
Markdown(beside_random.read_subsets(table, found))

# %% tags=["hide-input"]
Markdown(readings.read_cost(phase.students))

# %% [markdown]
# ## Ours beside the paper's
#
# The mean over seeds with its 95 % interval (Student's t over *n* seeds), and what the paper
# prints for the same cell. A cell that no run has filled yet says so.

# %% tags=["hide-input"]
tables.show(
    table,
    caption="Phase 1: subsets by one rule (table 3).",
    notes="Ours: macro F1 on the test set. The paper's values: see the page on methods.",
)

# %% tags=["hide-input"]
figures.phase_dots(table)

# %% [markdown]
# ## Above or below random?
#
# What each subset's score exceeds the random one's by, over the seeds that both have. Each 95 %
# interval is that subset's own; the *p* values, of a paired t test, are corrected for every subset
# of the table (Holm's rule), so that an interval may leave out 0 where the test shows nothing.

# %% tags=["hide-input"]
tables.show(
    beside_random.beside_table(found),
    caption="Each subset minus the random one of its size.",
    notes="Macro F1 on the test set.",
)

# %% [markdown]
# ## The data map of the teacher
#
# Every training image by the probability that the teacher gave to its label: the mean over epochs
# ({term}`confidence`) against the standard deviation ({term}`variability`). Hover over a point to
# see the image, drag over the map to see where the selection lies in the three distributions, or
# light up one of the subsets of this page.

# %% tags=["hide-input"]
frame = experiments.map_frame(Results(config.results), phase.teacher["key"])
data_map.small_map(frame, fraction=config.fraction)

# %% tags=["hide-input"]
more = readings.teacher_link(phase.teacher)
Markdown(f"{data_map.small_caption(frame)} To search, to save and for more images: {more}.")

# %% [markdown]
# ## A report card of every subset
#
# What a student gets to see: images of the smallest and the largest class, the other subset that
# shares most of the images, on how many of them the teacher ends right, and the entropy of its soft
# labels there. The random subset is that of seed 0.

# %% tags=["hide-input"]
teachers_map = teacher_map.teacher_map(Results(config.results), phase.teacher["key"])
subsets = report_card.ranked_subsets(teachers_map, fraction=config.fraction)
card = report_card.report_card(teachers_map, subsets)
Markdown(report_card.read_card(card))

# %% tags=["hide-input"]
Markdown(report_card.read_ties(report_card.ties(teachers_map, fraction=config.fraction)))

# %% tags=["hide-input"]
tables.show(card, caption="Report card of the subsets.")

# %% [markdown]
# How much of each subset (row, in percent) another one (column, by its number) holds too:

# %% tags=["hide-input"]
Markdown(tables.markdown(report_card.numbered(report_card.overlaps(subsets))))

# %% [markdown]
# Images of each class, of at most 20 classes those whose counts differ most:

# %% tags=["hide-input"]
Markdown(tables.markdown(report_card.numbered(report_card.class_counts(teachers_map, subsets))))

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(phase.students), caption="Provenance of the rows above.")
