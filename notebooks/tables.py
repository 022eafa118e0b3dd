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
# # Every table, ours beside the paper's
#
# What do the paper's tables say when they are filled again? Each cell holds the mean of our seeds
# with its 95 % interval (Student's t over *n* seeds), the paper's value, the difference and a mark:
# *agrees* (the paper's value lies within our interval, widened by its rounding), *differs*, *other
# start* (theirs began with ImageNet's weights, ours with others), *one seed* (no interval yet),
# *not run*. The paper's value is taken as it stands; it is a mean over seeds and scatters too, so
# that *differs* is said oftener than two such means warrant. Table 1 has {doc}`its own page
# <architectures>`, and so has table 6, {doc}`the worked example <worked_example>`.

# %% tags=["parameters", "hide-input"]
results = "results"  # folder of the record

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "record")

from IPython.display import Markdown

from carto_helpers import tables
from carto_helpers.config import start_name
from carto_helpers.findings import chosen_rows, readings
from carto_helpers.records import Results, published
from carto_helpers.report import coverage

record = Results(config.results)
teachers = chosen_rows.chosen_teachers(record)
students = chosen_rows.chosen_students(record)
summarised = tables.summary(students)

# %% [markdown]
# ## What is there

# %% tags=["hide-input"]
three = tables.table3(summarised, published("table3_phase1"))
four = tables.table4(summarised, published("table4_phase2"))
five = tables.table5(summarised, published("table5_phase3"))
Markdown(readings.read_coverage({"3": three, "4": four, "5": five}))

# %% [markdown]
# The steps of the paper in order of worth, by three seeds a cell: all its teachers, and of students
# those of the teachers that these tables show. Phases share the runs on the whole split and on the
# random third; hours are of training, on what the last column says.

# %% tags=["hide-input"]
tables.show(coverage.coverage(record), caption="What these tables rest on, and what it took.")

# %% [markdown]
# ## Table 2: the teachers
#
# The teacher of each data set is the one that most students have learnt from, of equals one of the
# paper's families, of these the one with the highest macro F1 on the validation split. Each
# teacher's page shows all that were tried, and {doc}`differences` what one with another start
# changes.

# %% tags=["hide-input"]
tables.show(
    tables.table2(
        teachers.assign(start=teachers["start"].map(start_name)),
        published("table2_teachers"),
        datasets=chosen_rows.PAPERS_DATASETS,
    ),
    caption="The chosen teachers (table 2).",
    notes="Macro F1 on the test set, in percent, as the paper prints it. Start: the data set that "
    "the teacher first learnt, by the same recipe.",
    unit="percent",
)

# %% [markdown]
# ## Table 3: subsets by one rule

# %% tags=["hide-input"]
tables.show(
    three,
    caption="Phase 1: subsets by one rule (table 3).",
    notes="Ours: macro F1 on the test set. The paper's random row seems to be validation accuracy, "
    "the others of 33 % test F1 (see the audit).",
)

# %% [markdown]
# ## Table 4: mixes

# %% tags=["hide-input"]
tables.show(
    four,
    caption="Phase 2: mixes of regions (table 4).",
    notes="Ours: macro F1 on the test set. What the paper's values are is a question of the audit.",
)

# %% [markdown]
# ## Table 5: random sizes

# %% tags=["hide-input"]
tables.show(
    five,
    caption="Phase 3: random subsets by size (table 5).",
    notes="Ours: macro F1 on the test set. The paper's values of CIFAR-10 seem to be validation "
    "accuracies (see the audit).",
)

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(tables.provenance(students), caption="Provenance of the students' rows.")

# %% tags=["hide-input"]
tables.show(tables.provenance(teachers), caption="Provenance of the teachers' rows.")
