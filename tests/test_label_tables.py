"""Scores for tools that look for wrong labels: suspicious ends, lengths, names."""

from dataclasses import replace

import numpy as np
import pytest
from made_loops import expected_record, made_logits

from carto_helpers.dynamics import confidence
from carto_helpers.formats.label_tables import cleanlab_issues, fiftyone_table, label_quality

RECORD = expected_record(*made_logits(n=40))


def test_quality_is_confidence_and_low_is_suspicious() -> None:
    quality = label_quality(RECORD)
    assert quality.min() >= 0 and quality.max() <= 1
    np.testing.assert_allclose(quality, confidence(RECORD.p_gold), atol=1e-6)


def test_issues_are_the_lowest() -> None:
    frame = cleanlab_issues(RECORD, fraction=0.1)
    assert frame["is_label_issue"].sum() == 4
    is_issue = frame["is_label_issue"]
    assert frame["label_quality"][is_issue].max() <= frame["label_quality"][~is_issue].min()
    assert np.array_equal(frame["given_label"], RECORD.labels)
    with pytest.raises(ValueError, match="`fraction` must lie in"):
        cleanlab_issues(RECORD, fraction=10.0)


def test_a_row_says_which_example_it_is_of() -> None:
    shuffled = replace(RECORD, index=np.random.default_rng(0).permutation(50)[:40])
    frame = cleanlab_issues(shuffled, fraction=0.1)
    assert frame.index.tolist() == shuffled.index.tolist()
    assert frame["label_quality"].to_numpy() == pytest.approx(label_quality(RECORD))


def test_cleanlab_takes_the_issues() -> None:
    pytest.importorskip("cleanlab", reason="cleanlab is not installed")
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression

    issues = cleanlab_issues(RECORD, fraction=0.1)
    points = np.random.default_rng(0).random((40, 3))
    learner = CleanLearning(LogisticRegression()).fit(points, RECORD.labels, label_issues=issues)
    assert learner.get_label_issues()["is_label_issue"].sum() == 4


def test_mistakenness_is_high_where_confidence_is_low() -> None:
    frame = fiftyone_table(RECORD, [f"{i}.png" for i in range(40)])
    assert frame.columns[:3].tolist() == ["filepath", "label", "mistakenness"]
    np.testing.assert_allclose(frame["mistakenness"], 1 - label_quality(RECORD))
    assert frame["label"].tolist() == [str(label) for label in RECORD.labels]
    with pytest.raises(ValueError, match="`filepaths` must be one an example, got 1 for 40"):
        fiftyone_table(RECORD, ["0.png"])
