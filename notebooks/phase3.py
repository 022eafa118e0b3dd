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
# # Phase 3: how much data does a student need?
#
# Random subsets of growing size, up to the whole training split (table 5 and figure 3 of the
# paper).

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
fractions = [0.01, 0.05, 0.10, 0.25, 0.33, 0.55, 1.0]  # of the training split
device = "auto"  # auto, cpu, cuda, cuda:N, mps
results = "results"  # folder of the record
train = True  # whether missing runs may be trained

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "phase3")

import altair as alt
from IPython.display import Markdown

from carto_helpers import figures, tables
from carto_helpers.findings import readings, report_card, teacher_map
from carto_helpers.records import Results, published

_ = alt.renderers.enable("html")

# %% tags=["hide-input", "hide-output"]
phase = experiments.phase3(config)

# %% [markdown]
# ## Answer

# %% tags=["hide-input"]
table = tables.table5(
    tables.summary(phase.students),
    published("table5_phase3"),
    datasets=[phase.teacher["dataset"]],
    students=[phase.student],
    fractions=config.fractions,
)
Markdown(readings.read_sizes(table))

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
    caption="Phase 3: random subsets by size (table 5).",
    notes="Ours: macro F1 on the test set. The paper's values: see the page on methods.",
)

# %% tags=["hide-input"]
figures.ablation(table)

# %% [markdown]
# ## A report card of every subset
#
# Images of the smallest and the largest class, on how many the teacher ends right, and the entropy
# of its soft labels there. The random subsets are those of seed 0; of another seed they hold other
# images. Chance keeps the classes' shares nearly as they are, but not in few images.

# %% tags=["hide-input"]
teachers_map = teacher_map.teacher_map(Results(config.results), phase.teacher["key"])
subsets = report_card.random_subsets(teachers_map, config.fractions)
card = report_card.report_card(teachers_map, subsets)
Markdown(report_card.read_card(card))

# %% tags=["hide-input"]
tables.show(card.drop(columns=["twin", "twin_share"]), caption="Report card of the subsets.")

# %% [markdown]
# Images of each class, of at most 20 classes those whose counts differ most:

# %% tags=["hide-input"]
Markdown(tables.markdown(report_card.numbered(report_card.class_counts(teachers_map, subsets))))

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(phase.students), caption="Provenance of the rows above.")
