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
# # The six networks
#
# How large are teachers and students? The paper counts some networks with a head for ten classes
# and others with ImageNet's thousand (table 1); here both are counted.

# %% tags=["hide-input"]
import pandas as pd

from carto_helpers import models, tables
from carto_helpers.config import PhaseConfig
from carto_helpers.records import published

_ = PhaseConfig.from_notebook(globals(), "page")  # takes no parameter
counts = pd.DataFrame(
    {
        "family": spec.family,
        "role": spec.role,
        "network": spec.original,
        "n_classes": n_classes,
        "parameters": models.count_parameters(spec, n_classes=n_classes),
    }
    for spec in models.NETWORKS.values()
    for n_classes in (10, 1000)
)

# %% tags=["hide-input"]
tables.show(
    tables.table1(counts, published("table1_architectures")),
    caption="Parameter counts (table 1).",
    notes="Three input channels.",
)

# %% [markdown]
# The networks are built by timm and configured to be the authors': with equal weights they compute
# what torchvision's and efficientnet_pytorch's compute, which the tests show.
