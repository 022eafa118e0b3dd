"""A data map and a subset as files, from a teacher or from dynamics of one's own."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from made_runs import TINY, make_folder

import carto_helpers as carto
from carto_helpers.__main__ import main
from carto_helpers.recording import DynamicsRecord


@pytest.fixture
def dynamics(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    p_gold = draw.random((40, 5), dtype=np.float32)
    record = DynamicsRecord(
        index=np.arange(40), labels=draw.integers(0, 3, 40), classes=("ant", "bee", "</body>"),
        quantities={"p_gold": p_gold, "is_right": p_gold > 0.5},
    )  # fmt: skip
    carto.write_npz(tmp_path / "mine.npz", record)
    return tmp_path / "mine.npz"


def test_a_map_of_ones_own_dynamics_is_a_page_and_a_table(
    dynamics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "map"
    assert main(["map", "--dynamics", str(dynamics), "--to", str(to), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"n": 40, "files": [str(to / "map.html"), str(to / "scores.csv")]}
    page = (to / "map.html").read_text()
    assert "vegaEmbed" in page
    assert 'src="http' not in page
    assert page.count("<title>Data map</title>") == 1
    assert page.rindex("<p>") > page.rindex("vegaEmbed")
    scores = pd.read_csv(to / "scores.csv")
    expected = carto.read_npz(dynamics).p_gold.mean(axis=1)
    assert scores["confidence"].to_numpy() == pytest.approx(expected)


def test_no_class_name_runs_in_a_maps_page(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--"
    p_gold = np.full((4, 2), 0.5, dtype=np.float32)
    record = DynamicsRecord(
        index=np.arange(4), labels=np.array([0, 1, 0, 1]), classes=(hostile, "b"),
        quantities={"p_gold": p_gold, "is_right": p_gold > 0.4},
    )  # fmt: skip
    carto.write_npz(tmp_path / "mine.npz", record)
    assert main(["map", "--dynamics", str(tmp_path / "mine.npz"), "--to", str(tmp_path)]) == 0
    page = (tmp_path / "map.html").read_text()
    assert hostile not in page
    assert "alert(1)</script>" not in page
    assert json.dumps(hostile).replace("<", "\\u003c") in page


def test_a_subset_of_ones_own_dynamics_is_the_rules(
    dynamics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "a.csv"
    assert main(["select", "--dynamics", str(dynamics), "--rule", "low-confidence", "--fraction",
                 "0.25", "--to", str(to), "--json"]) == 0  # fmt: skip
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"n": 40, "n_chosen": 10, "rule": "low-confidence", "files": [str(to)]}
    confidence = carto.read_npz(dynamics).p_gold.mean(axis=1)
    assert set(pd.read_csv(to)["index"]) == set(np.argsort(confidence)[:10])


def test_seeds_of_a_random_subset_differ(dynamics: Path, tmp_path: Path) -> None:
    chosen = []
    for seed in ("0", "0", "1"):
        to = tmp_path / "r.csv"
        assert main(["select", "--dynamics", str(dynamics), "--subset-seed", seed,
                     "--to", str(to)]) == 0  # fmt: skip
        chosen.append(pd.read_csv(to)["index"].tolist())
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_folder_is_mapped_with_its_file_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path / "noise")
    assert main(["map", "--dataset", str(folder), "--results", str(tmp_path / "r"), "--teacher",
                 TINY, "--epochs", "1", "--device", "cpu", "--to", str(tmp_path / "map"),
                 "--json"]) == 0  # fmt: skip
    streams = capsys.readouterr()
    assert json.loads(streams.out)["n"] == 32
    assert "missing 1 teacher" in streams.err  # the plan, for a reader
    table = pd.read_csv(tmp_path / "map" / "scores.csv")
    assert all((folder / file).is_file() for file in table["file"])


def test_phases_and_status_speak_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results = str(make_folder(tmp_path / "noise")), str(tmp_path / "r")
    assert main(["distill", "--dataset", folder, "--results", results, "--teacher", TINY,
                 "--architecture", TINY, "--epochs", "1", "--device", "cpu",
                 "--json"]) == 0  # fmt: skip
    (row,) = json.loads(capsys.readouterr().out)
    assert row["rule"] == "random"
    assert main(["status", "--results", results, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["students"][0]["count"] == 1
    for row in (*facts["teachers"], *facts["students"]):
        assert isinstance(row["doubts"], str)
    assert facts["under_way"] == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "expected training dynamics in .*none, got no file or folder; check the path"),
        ("aum.csv", "must be a recorder's folder, .* got .*aum.csv; AUM's margins are no probab"),
    ],
)
def test_what_holds_no_dynamics_is_named(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "aum.csv").write_text("sample_id,aum\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        carto.read_dynamics(tmp_path / name)
    assert main(["map", "--dynamics", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_format_gives_the_same_map(dynamics: Path, tmp_path: Path) -> None:
    record = carto.read_npz(dynamics)
    carto.write_parquet(tmp_path / "mine.parquet", record)
    recorder = carto.DynamicsRecorder(40, tmp_path / "recorder", classes=record.classes)
    labels = torch.from_numpy(record.labels)
    for epoch in range(5):
        gold = torch.from_numpy(record.p_gold[:, epoch])
        logits = torch.full((40, 3), 0.0)
        logits[torch.arange(40), labels] = torch.logit(gold) + np.log(2)
        recorder.update(epoch, torch.arange(40), logits, labels)
        recorder.end_epoch()
    for path in (tmp_path / "mine.parquet", tmp_path / "recorder"):
        assert carto.read_dynamics(path).p_gold == pytest.approx(record.p_gold, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["select", "--rule", "ambiguous", "--subset-seed", "3"], "is of the rule 'random', got 3"),
        (["select", "--rule", "all", "--fraction", "0.5"], "takes every example, got fraction 0.5"),
        (["map", "--dataset", "mnist"], "need no data set and no teacher, got .* with dataset mni"),
        (
            ["select", "--image-size", "64", "--teacher", "resnet18", "--no-train"],
            "got .*mine.npz with image_size 64, teacher resnet18, train False; leave one or the",
        ),
        (["map", "--results", "r", "--device", "cpu"], "with device cpu, results r; leave"),
    ],
)
def test_what_would_be_ignored_is_refused(
    dynamics: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    to = str(tmp_path / "out")
    assert main([*arguments, "--dynamics", str(dynamics), "--to", to]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not Path(to).exists()


def test_without_altair_a_map_is_refused_before_its_teacher_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("carto_helpers.__main__.find_spec", lambda _: None)
    folder, results = make_folder(tmp_path / "noise"), tmp_path / "r"
    assert main(["map", "--dataset", str(folder), "--results", str(results)]) == 2
    assert not results.exists()
    assert 'needs the package altair, got none; pip install "carto' in capsys.readouterr().err
