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
# # The paper's claims, tested
#
# Do our runs bear out what the paper says? Each claim is turned into a test; the rows give the
# verdict. The tests were written on 23 November 2026, while the first students of CIFAR-10 were
# being trained. Five things were changed later, when rows were there: claims are judged under one
# teacher a data set, an order of teachers needs four maps at least, means are over shared seeds, of
# teachers only those by the paper's recipe count, compared on the same images, and ambiguous and
# hard-to-learn examples are those nearest to the anchor. (Until 30 November they were the nearest
# third, most of which may lie nearer to another anchor; by it *ambiguous examples start wrong and
# are learnt* was contradicted on MNIST. The rows tell of both.) Nothing is trained on this page,
# and it takes seconds.

# %% tags=["parameters", "hide-input"]
results = "results"  # folder of the record

# %% tags=["hide-input"]
from carto_helpers import experiments

config = experiments.configure(globals(), "record")

from IPython.display import Markdown

from carto_helpers import tables
from carto_helpers.claims import judging, other_starts
from carto_helpers.findings import chosen_rows
from carto_helpers.records import Results

record = Results(config.results)
findings = judging.judge(record)

# %% [markdown]
# ## Answer

# %% tags=["hide-input"]
Markdown(judging.read_claims(findings))

# %% tags=["hide-input"]
tables.show(
    judging.claim_table(findings),
    caption="The paper's claims: one row each.",
    notes="Known: places (a data set and a student, or a data set's teachers) with three rows a "
    "side. The numbers are those of the place that decides.",
)

# %% tags=["hide-input"]
tables.show(judging.claim_tests(findings), caption="Where each claim stands, and its test.")

# %% [markdown]
# ## How a verdict comes about
#
# - **holds**: the test shows what is claimed, in every place that is known.
# - **contradicted**: in at least one place a test shows the reverse of what is claimed there (of
#   *random beats every subset*: one subset above random is enough).
# - **not shown**: in at least one place the rows may lean its way, but chance could have done as
#   much. More seeds may turn this, not easily what is contradicted.
# - **not yet known**: a side of the test has fewer than three rows, or what the test needs is not
#   in the record (labels that people have checked).
#
# Scores are macro F1 on the test set, compared in pairs: the same seed on both sides. Where one
# side has more seeds than the other, the test takes those that both have; *found* takes those that
# all its subsets have (each its own if these are fewer than three), the tables' means all. The
# paired t test is two-sided, with a 95 % interval of the mean difference. Where a claim makes
# several comparisons in one place (random with each of eleven subsets), p values are corrected by
# Holm's rule for all that it makes, run or not; each must be at most 0.05. With three seeds only
# large and steady differences can pass. A claim that *all* differences are positive could do
# without the correction (an intersection–union test is wrong no oftener); the rule was chosen
# before the rows were there and is the stricter. Where it alone denies a claim, *found* says so.
#
# Maps and students are judged under one teacher a data set, the one that most students have learnt
# from (of equals the better); what a teacher that began with other weights changes stands apart,
# below.
#
# On a teacher's map the examples are the rows, and there is one teacher behind each map: such a
# verdict is about that map. Three words of the paper needed a number, which is ours: *nearly all*
# is nine in ten examples, *competitive* is 95 % of the score on all the data, *less overhead* is a
# tenth of the teacher's time at most. "Stronger" is by macro F1 on the validation split, over a
# data set's recorded teachers by the paper's recipe, which may all be of one network; an example
# counts to the region whose {term}`anchor` is nearest, where subsets take the nearest third, and
# the "mid-left" of the map is confidence between ¼ and ¾ with variability below ¼. "Spread" is the
# mean distance from a subset's own centre on the map, and "richer" {term}`soft labels` have more
# entropy. That hard-to-learn examples are mislabelled needs people who look at them; the row only
# says what the teacher makes of them.

# %% [markdown]
# ## Every place
#
# What was found in each place, and what the same reading gives for the paper's own table.

# %% tags=["hide-input"]
tables.show(judging.finding_table(findings), caption="Every claim in every place it speaks of.")

# %% [markdown]
# ## With a teacher that began with other weights
#
# The same claims on the map and the students of such a teacher, in the places that its rows know
# and change. How its subsets differ is on the page
# [where ours and the paper's differ](differences.ipynb).

# %% tags=["hide-input"]
others = other_starts.judge_other_starts(record, findings)
Markdown(other_starts.read_other_starts(others))

# %% tags=["hide-input"]
tables.show(
    other_starts.other_starts_table(others),
    caption="Claims whose numbers are others with another teacher.",
    notes="Test and numbers are of this teacher's rows.",
)

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
tables.show(
    tables.provenance(chosen_rows.chosen_students(record)), caption="The students' rows."
)

# %% tags=["hide-input"]
tables.show(
    tables.provenance(chosen_rows.chosen_teachers(record)), caption="The teachers' rows."
)
