"""Stages of scikit-learn estimators as epochs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier

from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recorders.staged_recorder import record_stages

X, Y = make_classification(60, n_informative=5, n_classes=3, random_state=0)
NAMES = np.array(["cat", "dog", "frog"])


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(n_estimators=6, random_state=0),
        HistGradientBoostingClassifier(max_iter=6, random_state=0),
        AdaBoostClassifier(n_estimators=6, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore:The SAMME.R algorithm:FutureWarning")  # an old scikit-learn
def test_an_epoch_is_what_the_ensemble_said_at_that_stage(tmp_path: Path, estimator: Any) -> None:
    estimator.fit(X, NAMES[Y])
    recorder = DynamicsRecorder(60, tmp_path, classes=NAMES.tolist())
    record_stages(recorder, estimator, X, NAMES[Y], every=2)
    assert recorder.epochs == (1, 3, 5)
    stages = [p[np.arange(60), Y] for p in estimator.staged_predict_proba(X)]
    record = recorder.record()
    np.testing.assert_allclose(record.p_gold, np.stack(stages[1::2], axis=1), atol=1e-6)
    assert np.array_equal(record.is_right[:, -1], estimator.predict(X) == NAMES[Y])


def test_classes_in_another_order_are_refused_and_other_names_are_taken(tmp_path: Path) -> None:
    estimator = GradientBoostingClassifier(n_estimators=2).fit(X, NAMES[Y])
    recorder = DynamicsRecorder(60, tmp_path / "a", classes=("dog", "cat", "frog"))
    said = r"order of the estimator's, \('cat', 'dog', 'frog'\), got \('dog', 'cat', 'frog'\)"
    with pytest.raises(ValueError, match=said):
        record_stages(recorder, estimator, X, NAMES[Y])
    assert recorder.epochs == ()
    names = ("a cat", "a dog", "a frog")
    recorder = DynamicsRecorder(60, tmp_path / "b", classes=names)
    record_stages(recorder, estimator, X, NAMES[Y])
    assert recorder.classes == names


@pytest.mark.parametrize("labels", [NAMES[Y], Y + 3], ids=["names", "numbers"])
def test_classes_without_names_are_called_as_their_labels(tmp_path: Path, labels: Any) -> None:
    recorder = DynamicsRecorder(60, tmp_path)
    record_stages(recorder, GradientBoostingClassifier(n_estimators=2).fit(X, labels), X, labels)
    named = tuple(str(label) for label in np.unique(labels))
    assert recorder.classes == recorder.record().classes == named
    assert DynamicsRecorder(60, tmp_path).classes == named


def test_partial_fit_is_a_loop_of_ones_own(tmp_path: Path) -> None:
    estimator = SGDClassifier(loss="log_loss", random_state=0)
    recorder = DynamicsRecorder(60, tmp_path)
    for epoch in range(4):
        estimator.partial_fit(X, Y, classes=[0, 1, 2])
        recorder.update_probabilities(epoch, np.arange(60), estimator.predict_proba(X), Y)
    p_gold = recorder.record().p_gold
    np.testing.assert_allclose(
        p_gold[:, -1], estimator.predict_proba(X)[np.arange(60), Y], atol=1e-6
    )


def test_what_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    recorder = DynamicsRecorder(60, tmp_path)
    fitted = GradientBoostingClassifier(n_estimators=3).fit(X, Y)
    with pytest.raises(TypeError, match="must have `staged_predict_proba`, got LogisticRegression"):
        record_stages(recorder, LogisticRegression().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="`every` must be at least 1, got 0"):
        record_stages(recorder, fitted, X, Y, every=0)
    with pytest.raises(ValueError, match=r"must be of \[0, 1, 2\], got 3 at row 59; pass the lab"):
        record_stages(recorder, fitted, X, [*Y[:59], 3])
    with pytest.raises(ValueError, match="expected 4 stages or more, got fewer"):
        record_stages(recorder, fitted, X, Y, every=4)
    with pytest.raises(ValueError, match="these logits are of the evaluation pass"):
        record_stages(DynamicsRecorder(60, tmp_path, "training"), fitted, X, Y)
