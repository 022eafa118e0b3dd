"""Recording in a Hugging Face `Trainer`: a callback after each epoch, or the training pass."""

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from math import ceil, floor
from typing import Any

from torch import nn

from carto_helpers.networks.torchvision_trap import prepare_torchvision
from carto_helpers.recorders.epoch_checks import check_mode
from carto_helpers.recorders.indexed_dataset import logits_of, parts, record_evaluation
from carto_helpers.recorders.recorder import DynamicsRecorder

logger = logging.getLogger(__name__)


def huggingface_callback(
    recorder: DynamicsRecorder,
    loader: Iterable[Any],
    *,
    forward: Callable[[nn.Module, Any], Any] | None = None,
) -> Any:
    """Return a `TrainerCallback` that makes an evaluation pass after each training epoch.

    Parameters
    ----------
    recorder
        Takes the logits, in the mode "evaluation"; epochs are numbered from 0.
    loader
        Batches of an `IndexedDataset` of the training split: mappings with "index" and "labels".
    forward
        From model and inputs to logits; by default the model is called with the inputs.

    Returns
    -------
    TrainerCallback
        For the Trainer's `callbacks`.

    Raises
    ------
    ValueError
        If the recorder's mode is "training": callbacks see no logits, `RecordingTrainerMixin`
        does.
    ModuleNotFoundError
        If transformers is not installed.
    """
    check_mode(recorder.mode, "evaluation")
    kind = type("RecordDynamics", (_Hooks, _callback_class()), {})
    return kind(recorder, loader, forward)


class RecordingTrainerMixin:
    """Records the training pass of a Hugging Face `Trainer`, whose callbacks see no logits.

    Stands before `Trainer` in a class of one's own, and `recorder` is set before training::

        class RecordingTrainer(RecordingTrainerMixin, Trainer):
            pass

        trainer = RecordingTrainer(model, arguments, train_dataset=IndexedDataset(train_set))
        trainer.recorder = DynamicsRecorder(len(train_set), "dynamics", mode="training")
        trainer.train()

    The arguments need ``remove_unused_columns=False``, or the positions are thrown away.
    """

    recorder: DynamicsRecorder | None = None

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the Trainer's signature
        **rest: Any,
    ) -> Any:
        """Return the loss as the Trainer computes it, after recording the batch's logits."""
        theirs: Any = super()
        if self.recorder is None or not model.training:
            kept = {name: part for name, part in inputs.items() if name != "index"}
            return theirs.compute_loss(model, kept, return_outputs=return_outputs, **rest)
        index, others, labels = parts(inputs)
        batch = {**others, "labels": labels}
        loss, outputs = theirs.compute_loss(model, batch, return_outputs=True, **rest)
        trainer: Any = self
        epoch = floor(trainer.state.epoch + 1e-9)  # the share of epochs done: 1.0 begins epoch 1
        self.recorder.update(epoch, index, logits_of(outputs), labels)
        return (loss, outputs) if return_outputs else loss

    def train(self, *arguments: Any, **rest: Any) -> Any:
        """Train as the Trainer does, then end the last epoch.

        One that `max_steps` or early stopping cuts short has not met every example: it is not
        recorded, and a warning says so.

        Raises
        ------
        ValueError
            If the recorder's mode is "evaluation".
        """
        if self.recorder is not None:
            check_mode(self.recorder.mode, "training")
        theirs: Any = super()
        output = theirs.train(*arguments, **rest)
        if self.recorder is not None and self.recorder.is_under_way:
            trainer: Any = self
            done = trainer.state.epoch
            if abs(done - round(done)) < 1e-6:
                self.recorder.end_epoch()
            else:
                logger.warning("training ended within epoch %d, which is not recorded", floor(done))
        return output


class _Hooks:
    """What the callback does; the library's own class is mixed in when it is made."""

    def __init__(self, recorder: DynamicsRecorder, loader: Any, forward: Any) -> None:
        self.recorder, self.loader, self.forward = recorder, loader, forward

    def on_epoch_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Make the pass; `state.epoch` is the number of epochs done."""
        del args, control
        record_evaluation(
            self.recorder,
            ceil(state.epoch - 1e-9) - 1,  # one that `max_steps` cuts short counts too
            rest["model"],
            self.loader,
            forward=self.forward,
        )


def _callback_class() -> Any:
    if not find_spec("transformers"):
        raise ModuleNotFoundError(
            'expected the package transformers, got none; pip install "carto_helpers[huggingface]"'
        )
    prepare_torchvision()  # transformers imports torchvision where it is installed
    return import_module("transformers").TrainerCallback
