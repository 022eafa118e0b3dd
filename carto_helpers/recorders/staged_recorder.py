"""Recording of scikit-learn estimators that learn in stages, e.g. gradient boosting."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped

from carto_helpers.recorders.epoch_checks import check_mode
from carto_helpers.recorders.recorder import DynamicsRecorder


def record_stages(
    recorder: DynamicsRecorder,
    estimator: Any,
    inputs: Any,
    labels: Sequence[Any] | Shaped[np.ndarray, " N"],
    *,
    every: int = 1,
) -> None:
    """Record a fitted estimator, each of its stages as one epoch.

    A stage is a boosting round: the ensemble as it stood when that round was done. For estimators
    that are trained by `partial_fit`, call `update_probabilities` in one's own loop.

    Parameters
    ----------
    recorder
        Takes the probabilities, in the mode "evaluation"; its classes, if named, in the order of
        `estimator.classes_`, else they are named as these.
    estimator
        Fitted, with `staged_predict_proba`, e.g. GradientBoostingClassifier,
        HistGradientBoostingClassifier or AdaBoostClassifier.
    inputs
        What it was fitted on, N rows.
    labels
        The rows' gold labels, (N,), each one of `estimator.classes_`.
    every
        Every how many stages is one recorded; the numbers of the epochs are those of the stages,
        from 0: with 10 stages and every=5 they are 4 and 9.

    Raises
    ------
    TypeError
        If the estimator has no stages.
    ValueError
        If `every` is less than 1, a label is unknown to the estimator, no stage is recorded, the
        recorder's classes are the estimator's in another order, or its mode is "training".

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.ensemble import GradientBoostingClassifier
    >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["no", "no", "yes", "yes"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recorder = DynamicsRecorder(4, folder, classes=("no", "yes"))
    ...     record_stages(recorder, GradientBoostingClassifier(n_estimators=9).fit(x, y), x, y)
    ...     (recorder.record().p_gold[:, [0, -1]] > 0.6).tolist()
    [[False, True], [False, True], [False, True], [False, True]]
    """
    check_mode(recorder.mode, "evaluation")
    if not hasattr(estimator, "staged_predict_proba"):
        raise TypeError(
            "`estimator` must have `staged_predict_proba`, got "
            f"{type(estimator).__name__}; call `update_probabilities` after each `partial_fit`"
        )
    if every < 1:
        raise ValueError(f"`every` must be at least 1, got {every}; pass 1 for each stage")
    classes = np.asarray(estimator.classes_)
    _check_order(recorder.classes, classes)
    gold = _positions(np.asarray(labels), classes)
    index = np.arange(len(gold))
    before = recorder.epochs
    for stage, probabilities in enumerate(estimator.staged_predict_proba(inputs)):
        if (stage + 1) % every == 0:
            recorder.name_classes([str(label) for label in classes])
            recorder.update_probabilities(stage, index, probabilities, gold)
            recorder.end_epoch()
    if recorder.epochs == before:
        raise ValueError(f"expected {every} stages or more, got fewer; pass a smaller `every`")


def _check_order(names: tuple[str, ...], classes: Shaped[np.ndarray, " C"]) -> None:
    """Refuse the estimator's classes in another order; other names for them may be meant."""
    order = tuple(str(label) for label in classes)
    if names != order and sorted(names) == sorted(order):
        raise ValueError(
            f"the recorder's `classes` must stand in the order of the estimator's, {order}, got "
            f"{names}; pass DynamicsRecorder these names so"
        )


def _positions(
    labels: Shaped[np.ndarray, " N"], classes: Shaped[np.ndarray, " C"]
) -> Shaped[np.ndarray, " N"]:
    at = np.searchsorted(classes, labels).clip(0, len(classes) - 1)  # classes_ are sorted
    unknown = np.flatnonzero(classes[at] != labels)
    if len(unknown):
        raise ValueError(
            f"`labels` must be of {classes.tolist()}, got {labels[unknown[0]]} at row "
            f"{unknown[0]}; pass the labels that the estimator was fitted on"
        )
    return at
