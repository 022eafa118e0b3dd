"""Knowledge distillation with training dynamics: a reproducible paper that runs.

The public names below are loaded when first used, so that importing the package costs next to
nothing, figures and tables need no torch, and training needs neither altair nor Jupyter.

Examples
--------
>>> import carto_helpers
>>> carto_helpers.subset_size(0.33, 40_000)
13200
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carto_helpers import figures as figures
    from carto_helpers import gallery as gallery
    from carto_helpers import models as models
    from carto_helpers import record_frame as record_frame
    from carto_helpers import tables as tables
    from carto_helpers.config import PhaseConfig as PhaseConfig
    from carto_helpers.config import Recipe as Recipe
    from carto_helpers.config import SubsetSpec as SubsetSpec
    from carto_helpers.config import subset_size as subset_size
    from carto_helpers.data import Split as Split
    from carto_helpers.data import load as load
    from carto_helpers.data import split as split
    from carto_helpers.dynamics import confidence as confidence
    from carto_helpers.dynamics import correctness as correctness
    from carto_helpers.dynamics import forgetfulness as forgetfulness
    from carto_helpers.dynamics import forgetting_events as forgetting_events
    from carto_helpers.dynamics import never_learnt as never_learnt
    from carto_helpers.dynamics import variability as variability
    from carto_helpers.experiments import PhaseResult as PhaseResult
    from carto_helpers.experiments import distill as distill
    from carto_helpers.experiments import map_frame as map_frame
    from carto_helpers.experiments import phase1 as phase1
    from carto_helpers.experiments import phase2 as phase2
    from carto_helpers.experiments import phase3 as phase3
    from carto_helpers.experiments import status as status
    from carto_helpers.experiments import teachers as teachers
    from carto_helpers.formats.any_dynamics import read_dynamics as read_dynamics
    from carto_helpers.formats.aum_files import read_aum as read_aum
    from carto_helpers.formats.aum_files import read_aum_records as read_aum_records
    from carto_helpers.formats.cartography_files import cartography_metrics as cartography_metrics
    from carto_helpers.formats.cartography_files import read_cartography as read_cartography
    from carto_helpers.formats.cartography_files import write_cartography as write_cartography
    from carto_helpers.formats.dynamics_files import read_npz as read_npz
    from carto_helpers.formats.dynamics_files import read_parquet as read_parquet
    from carto_helpers.formats.dynamics_files import write_npz as write_npz
    from carto_helpers.formats.dynamics_files import write_parquet as write_parquet
    from carto_helpers.formats.label_tables import cleanlab_issues as cleanlab_issues
    from carto_helpers.formats.label_tables import fiftyone_table as fiftyone_table
    from carto_helpers.formats.label_tables import label_quality as label_quality
    from carto_helpers.images.image_set import Dataset as Dataset
    from carto_helpers.images.image_set import ImageSet as ImageSet
    from carto_helpers.images.parquet_images import write_images as write_images
    from carto_helpers.images.sources import Indexable as Indexable
    from carto_helpers.images.sources import from_arrays as from_arrays
    from carto_helpers.images.sources import from_dataset as from_dataset
    from carto_helpers.losses import DistillationLoss as DistillationLoss
    from carto_helpers.losses import cross_entropy as cross_entropy
    from carto_helpers.losses import (
        distillation_loss_cross_entropy as distillation_loss_cross_entropy,
    )
    from carto_helpers.losses import distillation_loss_kl as distillation_loss_kl
    from carto_helpers.losses import distillation_losses_kl as distillation_losses_kl
    from carto_helpers.losses import kl_divergence as kl_divergence
    from carto_helpers.losses import soft_cross_entropy as soft_cross_entropy
    from carto_helpers.metrics import Interval as Interval
    from carto_helpers.metrics import accuracy as accuracy
    from carto_helpers.metrics import confidence_interval as confidence_interval
    from carto_helpers.metrics import macro_f1 as macro_f1
    from carto_helpers.networks.weights import WeightsDownloadError as WeightsDownloadError
    from carto_helpers.networks.weights import load_weights as load_weights
    from carto_helpers.paired import Paired as Paired
    from carto_helpers.paired import holm as holm
    from carto_helpers.paired import paired_comparison as paired_comparison
    from carto_helpers.paired import rank_correlation as rank_correlation
    from carto_helpers.paired import share_interval as share_interval
    from carto_helpers.paired import subset_contrast as subset_contrast
    from carto_helpers.recorders.huggingface_recorder import (
        RecordingTrainerMixin as RecordingTrainerMixin,
    )
    from carto_helpers.recorders.huggingface_recorder import (
        huggingface_callback as huggingface_callback,
    )
    from carto_helpers.recorders.indexed_dataset import IndexedDataset as IndexedDataset
    from carto_helpers.recorders.indexed_dataset import record_evaluation as record_evaluation
    from carto_helpers.recorders.lightning_recorder import lightning_callback as lightning_callback
    from carto_helpers.recorders.recorder import DynamicsRecorder as DynamicsRecorder
    from carto_helpers.recorders.staged_recorder import record_stages as record_stages
    from carto_helpers.recording import DynamicsRecord as DynamicsRecord
    from carto_helpers.recording import epoch_quantities as epoch_quantities
    from carto_helpers.records import Claim as Claim
    from carto_helpers.records import Results as Results
    from carto_helpers.records import published as published
    from carto_helpers.scoring import StreamingDynamics as StreamingDynamics
    from carto_helpers.scoring import scores as scores
    from carto_helpers.selection import Mix as Mix
    from carto_helpers.selection import highest as highest
    from carto_helpers.selection import lowest as lowest
    from carto_helpers.selection import mix as mix
    from carto_helpers.selection import random_subset as random_subset
    from carto_helpers.selection import region as region
    from carto_helpers.selection import scaled_mixes as scaled_mixes
    from carto_helpers.selection import select as select

__version__ = "0.1.0"  # here alone: pyproject.toml reads it, CITATION.cff is compared with it

# Public modules, then public names by the module that they come from; what is not here may change
# without notice. No public name is a module's too: which one a reader got would hang on what had
# been imported before.
_MODULES = ("figures", "gallery", "models", "record_frame", "tables")
_PLACES = {
    "formats.any_dynamics": "read_dynamics",
    "formats.aum_files": "read_aum read_aum_records",
    "formats.cartography_files": "cartography_metrics read_cartography write_cartography",
    "config": "PhaseConfig Recipe SubsetSpec subset_size",
    "data": "Split load split",
    "dynamics": "confidence correctness forgetfulness forgetting_events never_learnt variability",
    "formats.dynamics_files": "read_npz read_parquet write_npz write_parquet",
    "experiments": "PhaseResult distill map_frame phase1 phase2 phase3 status teachers",
    "recorders.huggingface_recorder": "RecordingTrainerMixin huggingface_callback",
    "images.image_set": "Dataset ImageSet",
    "images.parquet_images": "write_images",
    "images.sources": "Indexable from_arrays from_dataset",
    "recorders.indexed_dataset": "IndexedDataset record_evaluation",
    "formats.label_tables": "cleanlab_issues fiftyone_table label_quality",
    "recorders.lightning_recorder": "lightning_callback",
    "losses": "DistillationLoss cross_entropy distillation_loss_cross_entropy "
    "distillation_loss_kl distillation_losses_kl kl_divergence soft_cross_entropy",
    "metrics": "Interval accuracy confidence_interval macro_f1",
    "paired": "Paired holm paired_comparison rank_correlation share_interval subset_contrast",
    "recorders.recorder": "DynamicsRecorder",
    "recording": "DynamicsRecord epoch_quantities",
    "records": "Claim Results published",
    "scoring": "StreamingDynamics scores",
    "selection": "Mix highest lowest mix random_subset region scaled_mixes select",
    "recorders.staged_recorder": "record_stages",
    "networks.weights": "WeightsDownloadError load_weights",
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names.split()}
__all__ = sorted([*_MODULE_OF, *_MODULES])  # noqa: PLE0605 - a list, made from the tables above

# What is no dependency of the core, and the extra that brings it.
_EXTRA_OF = {"altair": "charts"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULE_OF.get(name, name)}")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_OF:
            raise
        raise ModuleNotFoundError(
            f"`{name}` expects the package {error.name}, got none; "
            f'`pip install "{__name__}[{_EXTRA_OF[error.name]}]"` adds it',
            name=error.name,
        ) from None
    return getattr(module, name) if name in _MODULE_OF else module


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
