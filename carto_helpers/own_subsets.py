"""Subsets by a rule or of one's own, as positions in a teacher's training split.

A subset of one's own is a CSV file with a column `index`, positions in the loaded training set (the
data map saves one, `carto select` too), or `file`, names below the data set's folder. A record
keeps it by the digest of its positions, which is the name of its rule: equal subsets are one.
"""

import hashlib
import io
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int64

from carto_helpers.config import SubsetSpec, subset_size
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results
from carto_helpers.scoring import scores
from carto_helpers.selection import OWN, select
from carto_helpers.storage.durable import write_bytes
from carto_helpers.storage.plain_texts import in_utf8
from carto_helpers.storage.tensor_files import DamagedFileError


def positions(
    results: Results, record: DynamicsRecord, spec: SubsetSpec, *, seed: int
) -> Int64[np.ndarray, " n"]:
    """Return a subset's sorted positions in the training split of a teacher's record.

    Parameters
    ----------
    results
        Where subsets of one's own are kept.
    record
        The teacher's dynamics.
    spec
        A rule that `selection.select` knows, or one of `keep_subset`.
    seed
        Of the rule "random".

    Raises
    ------
    FileNotFoundError, ValueError
        If the subset is not kept there, is damaged, or is not of this training split.
    """
    if spec.rule.startswith(OWN):
        return places(kept_subset(results, spec.rule), record.index)
    return select(spec, scores(record.p_gold, record.is_right), seed=seed)


def read_subset(path: Path, files: Sequence[str] = ()) -> Int64[np.ndarray, " n"]:
    """Return the sorted positions in the loaded training set that a CSV file names.

    Parameters
    ----------
    path
        Has a column `index` or `file`, or both, which must agree.
    files
        The files of the training set, in its order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no CSV file, has neither column, names no example, one twice, a file that the
        training set lacks, or another file than its index.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a CSV file with a column index or file, got no file {path}; "
            "`carto select` writes one"
        )
    try:
        with in_utf8(path):
            frame = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(
            f"expected a CSV file, got {path} ({' '.join(str(error).split())}); write it again"
        ) from error
    if "index" in frame:
        named, found = frame["index"], frame["index"].to_numpy()
    elif "file" in frame and files:
        place = {file: i for i, file in enumerate(files)}
        named = frame["file"]
        found = np.array([place.get(str(file), -1) for file in named])
    else:
        raise ValueError(
            f"{path} must have a column index (positions in the training set) or, for a folder of "
            f"images, file, got {', '.join(map(str, frame.columns))}; name it so"
        )
    if not len(found) or not np.issubdtype(found.dtype, np.integer) or found.min() < 0:
        bad = "no row" if not len(found) else repr(named.tolist()[_first_bad(found)])
        raise ValueError(
            f"{path} must name training examples, got {bad}; take index or file from `carto select`"
        )
    if "index" in frame and "file" in frame and files:
        _check_files(frame, files, path)
    unique = np.unique(found).astype(np.int64)
    if len(unique) < len(found):
        raise ValueError(
            f"{path} must name each example once, got {len(found)} rows of {len(unique)} examples; "
            "remove the repeated ones"
        )
    return unique


def _check_files(frame: pd.DataFrame, files: Sequence[str], path: Path) -> None:
    """Raise unless the columns index and file name the same images."""
    for index, file in zip(frame["index"], frame["file"], strict=True):
        there = files[index] if index < len(files) else "nothing"
        if there != file:
            raise ValueError(
                f"{path} names {file} with index {index}, where this training set has {there}; "
                "were images added or removed since? leave the column index out, or write it again"
            )


def _first_bad(found: np.ndarray) -> int:
    if not np.issubdtype(found.dtype, np.integer):
        return 0
    return int(np.flatnonzero(found < 0)[0])


def keep_subset(
    results: Results, index: Int64[np.ndarray, " n"], record: DynamicsRecord
) -> SubsetSpec:
    """Keep a subset of one's own in the record; return what names it.

    Parameters
    ----------
    results
        The record.
    index
        Sorted positions in the loaded training set.
    record
        The dynamics of the teacher: its training split must hold all of them.

    Raises
    ------
    ValueError
        If it does not.
    """
    n, rule = len(places(index, record.index)), own_rule(index)
    write_bytes(subset_path(results, rule), _content(index))
    return SubsetSpec(rule=rule, fraction=share(n, len(record.index)))


def own_rule(index: Int64[np.ndarray, " n"]) -> str:
    """Return the rule that names a subset of one's own: sorted positions in the loaded set.

    Examples
    --------
    >>> own_rule(np.array([0, 5]))
    'own:7daf75808672c73a'
    """
    return f"{OWN}{_digest(_content(index))}"


def subset_path(results: Results, rule: str) -> Path:
    """Return where a record keeps the subset of one's own that a rule names."""
    return results.folder / "subsets" / f"{rule.removeprefix(OWN)}.csv"


def share(n: int, n_total: int) -> float:
    """Return the shortest decimal fraction of which `subset_size` makes `n` of `n_total`.

    Examples
    --------
    >>> share(13_200, 40_000), share(1, 3)
    (0.33, 0.4)
    """
    for digits in range(1, 17):
        fraction: float = math.ceil(Fraction(n, n_total) * 10**digits) / 10**digits
        if fraction <= 1 and subset_size(fraction, n_total) == n:
            return fraction
    raise ValueError(f"no share makes {n} of {n_total} examples; pass 1 … {n_total}")


def _content(index: Int64[np.ndarray, " n"]) -> bytes:
    return ("index\n" + "".join(f"{i}\n" for i in index)).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def kept_subset(results: Results, rule: str) -> Int64[np.ndarray, " n"]:
    """Return the subset of one's own that a rule names: positions in the loaded training set.

    Raises
    ------
    FileNotFoundError, ValueError
        If the record does not keep it, or its file is damaged.
    """
    path, digest = subset_path(results, rule), rule.removeprefix(OWN)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected the subset {digest} in {path}, got no file; copy it there, or give `carto "
            "distill --subset` with its CSV file again"
        )
    content = path.read_bytes()
    if _digest(content) != digest:
        raise DamagedFileError(path, "`carto distill --subset` with its CSV file writes it again")
    return pd.read_csv(io.BytesIO(content))["index"].to_numpy(np.int64)


def places(
    index: Int64[np.ndarray, " n"], split: Int64[np.ndarray, " N"]
) -> Int64[np.ndarray, " n"]:
    """Return where in the training split positions of the loaded set stand, sorted.

    Parameters
    ----------
    index
        Positions in the loaded training set.
    split
        Those of the training split, in its order.

    Raises
    ------
    ValueError
        If the split lacks one of them.

    Examples
    --------
    >>> places(np.array([4, 9]), np.array([9, 2, 4])).tolist()
    [0, 2]
    """
    order = np.argsort(split)
    place = np.searchsorted(split, index, sorter=order)
    is_there = place < len(order)
    is_there[is_there] = split[order[place[is_there]]] == index[is_there]
    if not is_there.all():
        raise ValueError(
            f"a subset must be of the {len(order):,} images that the teacher is trained on, got "
            f"{int((~is_there).sum()):,} others, such as index {index[~is_there][0]}; those of the "
            "validation split cannot be trained on: leave them out"
        )
    return np.sort(order[place])
