"""Knowledge distillation with training dynamics: a reproducible paper that runs.

The public names below are loaded when first used, so that figures and tables need no torch and
training needs no Jupyter.

Examples
--------
>>> import carto_helpers
>>> carto_helpers.subset_size(0.33, 40_000)
13200
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carto_helpers.aum_files import read_aum as read_aum
    from carto_helpers.aum_files import read_aum_records as read_aum_records
    from carto_helpers.cartography_files import cartography_metrics as cartography_metrics
    from carto_helpers.cartography_files import read_cartography as read_cartography
    from carto_helpers.cartography_files import write_cartography as write_cartography
    from carto_helpers.config import PhaseConfig as PhaseConfig
    from carto_helpers.config import Recipe as Recipe
    from carto_helpers.config import SubsetSpec as SubsetSpec
    from carto_helpers.config import subset_size as subset_size
    from carto_helpers.data import ImageSet as ImageSet
    from carto_helpers.data import load as load
    from carto_helpers.dynamics import confidence as confidence
    from carto_helpers.dynamics import correctness as correctness
    from carto_helpers.dynamics import forgetfulness as forgetfulness
    from carto_helpers.dynamics import variability as variability
    from carto_helpers.dynamics_files import read_npz as read_npz
    from carto_helpers.dynamics_files import read_parquet as read_parquet
    from carto_helpers.dynamics_files import write_npz as write_npz
    from carto_helpers.dynamics_files import write_parquet as write_parquet
    from carto_helpers.experiments import map_frame as map_frame
    from carto_helpers.experiments import phase1 as phase1
    from carto_helpers.experiments import phase2 as phase2
    from carto_helpers.experiments import phase3 as phase3
    from carto_helpers.experiments import teachers as teachers
    from carto_helpers.huggingface_recorder import RecordingTrainerMixin as RecordingTrainerMixin
    from carto_helpers.huggingface_recorder import huggingface_callback as huggingface_callback
    from carto_helpers.indexed_dataset import IndexedDataset as IndexedDataset
    from carto_helpers.indexed_dataset import record_evaluation as record_evaluation
    from carto_helpers.label_tables import cleanlab_issues as cleanlab_issues
    from carto_helpers.label_tables import fiftyone_table as fiftyone_table
    from carto_helpers.label_tables import label_quality as label_quality
    from carto_helpers.lightning_recorder import lightning_callback as lightning_callback
    from carto_helpers.losses import (
        distillation_loss_cross_entropy as distillation_loss_cross_entropy,
    )
    from carto_helpers.losses import distillation_loss_kl as distillation_loss_kl
    from carto_helpers.metrics import accuracy as accuracy
    from carto_helpers.metrics import confidence_interval as confidence_interval
    from carto_helpers.metrics import macro_f1 as macro_f1
    from carto_helpers.record_frame import record_frame as record_frame
    from carto_helpers.recorder import DynamicsRecorder as DynamicsRecorder
    from carto_helpers.recording import DynamicsRecord as DynamicsRecord
    from carto_helpers.records import Results as Results
    from carto_helpers.scoring import StreamingDynamics as StreamingDynamics
    from carto_helpers.scoring import scores as scores
    from carto_helpers.selection import select as select
    from carto_helpers.staged_recorder import record_stages as record_stages

__version__ = "0.1.0"  # here alone: pyproject.toml reads it, CITATION.cff is compared with it

_PLACES = {
    "aum_files": "read_aum read_aum_records",
    "cartography_files": "cartography_metrics read_cartography write_cartography",
    "config": "PhaseConfig Recipe SubsetSpec subset_size",
    "data": "ImageSet load",
    "dynamics": "confidence correctness forgetfulness variability",
    "dynamics_files": "read_npz read_parquet write_npz write_parquet",
    "experiments": "map_frame phase1 phase2 phase3 teachers",
    "huggingface_recorder": "RecordingTrainerMixin huggingface_callback",
    "indexed_dataset": "IndexedDataset record_evaluation",
    "label_tables": "cleanlab_issues fiftyone_table label_quality",
    "lightning_recorder": "lightning_callback",
    "losses": "distillation_loss_cross_entropy distillation_loss_kl",
    "metrics": "accuracy confidence_interval macro_f1",
    "record_frame": "record_frame",
    "recorder": "DynamicsRecorder",
    "recording": "DynamicsRecord",
    "records": "Results",
    "scoring": "StreamingDynamics scores",
    "selection": "select",
    "staged_recorder": "record_stages",
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - a list, made from the table above


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
