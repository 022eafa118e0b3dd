"""A data map and a subset as files, from a teacher's training dynamics or from recorded ones."""

import json
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from carto_helpers import experiments, selection
from carto_helpers.config import PhaseConfig
from carto_helpers.data import ImageSet, dataset_name, thumbnail_data_uris
from carto_helpers.formats.any_dynamics import read_dynamics
from carto_helpers.record_frame import record_frame
from carto_helpers.records import Results
from carto_helpers.runs.workbench import Workbench
from carto_helpers.storage.durable import replacing

_OF_DYNAMICS = ("dynamics", "rule", "fraction", "shares")  # what a file of dynamics leaves to ask
_NOT_IN_TABLES = ["p_gold", "image"]
_N_PICTURES = 50  # of the least confident examples


def map_table(config: PhaseConfig) -> pd.DataFrame:
    """Return the data map of `config`: of the file `dynamics`, else of the data set's teacher.

    Returns
    -------
    DataFrame
        As `experiments.map_frame`; with the images' file names (`file`) behind `index` where the
        data set is a folder of images.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no teacher is recorded and none may be trained.
    ValueError
        If the file holds no training dynamics, beside it is named what only a data set's teacher
        has, or the subset of `config` would be empty or its shares do not fit.
    """
    if config.dynamics is not None:
        _check_alone(config)
        return record_frame(read_dynamics(config.dynamics))
    experiments.check_names(config)
    bench = Workbench(config)
    if config.train:
        selection.check_sizes(config.spec, len(bench.split.train))  # known before a teacher's hours
    teacher = experiments.chosen_or_trained("map", bench)
    frame = experiments.map_frame(bench.results, str(teacher["key"]))  # type: ignore[index]
    return _with_files(frame, bench.dataset.train) if config.train else frame


def _check_alone(config: PhaseConfig) -> None:
    """Raise if parameters of a data set or a teacher would be ignored beside `dynamics`."""
    default = vars(PhaseConfig())
    idle = {n: v for n, v in vars(config).items() if n not in _OF_DYNAMICS and v != default[n]}
    if idle:
        raise ValueError(
            f"dynamics of one's own need no data set and no teacher, got {config.dynamics} with "
            f"{', '.join(f'{name} {value}' for name, value in idle.items())}; leave one or the "
            "other out"
        )


def _with_files(frame: pd.DataFrame, train: ImageSet) -> pd.DataFrame:
    """Return a data map with file names, and with pictures of the least confident examples too.

    A record keeps pictures of a sample alone.
    """
    if train.files:
        frame.insert(1, "file", [train.files[index] for index in frame["index"]])
    is_bare = frame["image"].eq("")
    shown = frame[is_bare].nsmallest(_N_PICTURES, "confidence")
    if len(shown):
        pictures = thumbnail_data_uris(train.images[shown["index"].tolist()])
        frame.loc[shown.index, "image"] = pictures
    return frame


def write_map(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write a data map as map.html, a page that needs no network, and as scores.csv.

    Returns
    -------
    list of Path
        The files.
    """
    from carto_helpers.charts.data_map import data_map, map_caption

    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / "map.html", folder / "scores.csv"
    html = data_map(frame).to_html(inline=True, json_kwds={"cls": _Unmarked})
    with replacing(page) as beside:
        beside.write_text(_with_caption(html, map_caption(frame)), encoding="utf-8")
    write_table(frame.drop(columns=_NOT_IN_TABLES), table)
    return [page, table]


class _Unmarked(json.JSONEncoder):
    """JSON that may stand in a page's script: no class's name can end it."""

    def encode(self, o: Any) -> str:
        return super().encode(o).replace("<", "\\u003c")


_STYLE = """<head><title>Data map</title><style>
body { font-family: sans-serif; margin: 2em; }
p { max-width: 44em; }
body #vis.vega-embed { flex-direction: column; }
#vis .vega-bindings { order: -1; display: flex; flex-wrap: wrap; gap: 1em; margin-bottom: 1em; }
#vg-tooltip-element img { max-width: none; max-height: none; }
</style>"""


def _with_caption(html: str, caption: str) -> str:
    """Return a page with a title, its inputs above the chart, and a caption."""
    head, _, foot = html.replace("<head>", _STYLE, 1).rpartition("</body>")
    return f"{head}<p>{escape(caption)}</p></body>{foot}"


def subset_table(frame: pd.DataFrame, config: PhaseConfig, *, seed: int = 0) -> pd.DataFrame:
    """Return the rows of a data map that the subset of `config` holds, in the split's order.

    Raises
    ------
    ValueError
        If the rule is unknown or the subset would be empty.
    """
    statistics = {name: frame[name].to_numpy() for name in selection.METRICS}
    chosen = selection.select(config.spec, statistics, seed=seed)
    return frame.iloc[chosen].drop(columns=_NOT_IN_TABLES)


def write_subset(subset: pd.DataFrame, config: PhaseConfig) -> Path:
    """Write a subset by a rule as a CSV file in the record's folder `subsets`; return its place."""
    name = f"{dataset_name(config.dataset)}-{100 * config.fraction:g}-{config.rule}.csv"
    path = Results(config.results).folder / "subsets" / name
    write_table(subset, path)
    return Path(config.results) / "subsets" / name


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as a CSV file, whole or not at all."""
    with replacing(path) as beside:
        frame.to_csv(beside, index=False)
