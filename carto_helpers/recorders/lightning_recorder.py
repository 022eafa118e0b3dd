"""Recording in a Lightning training: one callback."""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import nn

from carto_helpers.networks.torchvision_trap import prepare_torchvision
from carto_helpers.recorders.indexed_dataset import logits_of, parts, record_evaluation
from carto_helpers.recorders.recorder import DynamicsRecorder


def lightning_callback(
    recorder: DynamicsRecorder,
    loader: Iterable[Any] | None = None,
    *,
    forward: Callable[[nn.Module, Any], Any] | None = None,
) -> Any:
    """Return a Lightning callback that records training dynamics.

    The batches of the training loader (or of `loader`) come from an `IndexedDataset`. In the
    recorder's mode "evaluation" the callback makes a pass over `loader` after each training epoch.
    In the mode "training" it takes the logits that `training_step` returns beside its loss,
    ``return {"loss": loss, "logits": logits}``.

    Parameters
    ----------
    recorder
        Takes the logits; numbered by Lightning's epochs, from 0.
    loader
        The training split un-augmented, for the evaluation pass.
    forward
        From module and inputs to logits, for the evaluation pass; by default the module is called.

    Returns
    -------
    Callback
        Of `lightning`, or of `pytorch_lightning` where that is what is installed.

    Raises
    ------
    ValueError
        If the recorder's mode and `loader` do not fit.
    ModuleNotFoundError
        If neither package is installed.
    """
    if (loader is None) != (recorder.mode == "training"):
        have = "none" if loader is None else "one"
        raise ValueError(
            f"`loader` is for the evaluation pass and needed there, got {have} and mode "
            f"{recorder.mode!r}; pass the un-augmented training split or mode='training'"
        )
    kind = type("RecordDynamics", (_Hooks, _callback_class()), {})
    return kind(recorder, loader, forward)


class _Hooks:
    """What the callback does; Lightning's own class is mixed in when it is made."""

    def __init__(self, recorder: DynamicsRecorder, loader: Any, forward: Any) -> None:
        self.recorder, self.loader, self.forward = recorder, loader, forward

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the logits of a training step."""
        del pl_module, batch_idx
        if self.loader is None:
            index, _, labels = parts(batch)
            self.recorder.update(trainer.current_epoch, index, logits_of(outputs), labels)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End the epoch, after the evaluation pass if there is one."""
        if self.loader is None:
            self.recorder.end_epoch()
            return
        record_evaluation(
            self.recorder,
            trainer.current_epoch,
            pl_module,
            self.loader,
            forward=self.forward,
            device=pl_module.device,
        )


def _callback_class() -> Any:
    prepare_torchvision()  # Lightning's torchmetrics imports torchvision
    for name in ("lightning", "pytorch_lightning"):
        if find_spec(name):
            place = "lightning.pytorch" if name == "lightning" else name
            return import_module(place).Callback
    raise ModuleNotFoundError(
        "expected Lightning, got neither `lightning` nor `pytorch_lightning`; "
        'pip install "carto_helpers[lightning]"'
    )
