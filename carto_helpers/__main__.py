"""The command line: every phase without a notebook, for machines that have no Jupyter."""

import contextlib
import errno
import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from carto_helpers.command_line import completion, make_parser
from carto_helpers.config import PhaseConfig
from carto_helpers.storage.durable import Stopped, stoppable

_COLUMNS = ["rule", "fraction", "hard", "ambiguous", "easy", "student_seed", "test_macro_f1"]
_SAID_IN_ONE_LINE = (
    ValueError, TypeError, OSError, FloatingPointError, RuntimeError, MemoryError, ImportError,
)  # fmt: skip
_NO_MEMORY = ("allocate memory", "out of memory", "malloc", "could not create a primitive")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    0; 2 after an error, said in one line; 130 after Ctrl-C and 143 after SIGTERM.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = vars(make_parser().parse_args(given or ["--help"]))
    logging.basicConfig(format="%(message)s")
    try:
        with stoppable():
            _run(options.pop("command"), options)
    except _SAID_IN_ONE_LINE as error:
        print(f"carto: {_said(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        how, status = ("stopped", 143) if isinstance(stop, Stopped) else ("interrupted", 130)
        print(f"carto: {how}; the same command goes on from the record", file=sys.stderr)
        return status
    return 0


def _said(error: Exception) -> str:
    """Return an error in one line, with the remedy where a library knows none."""
    text = " ".join(str(error).split()) or type(error).__name__
    if getattr(error, "errno", None) == errno.EMFILE:
        return f"{text}; raise the limit of open files (`ulimit -n`)"
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return f"{text}; if memory ran out, close other programs or pass a smaller `batch_size`"
    if isinstance(error, ModuleNotFoundError) and "pip install" not in text:
        return f'{text}; `pip install "carto_helpers[book]"` adds what notebooks and charts need'
    return text


def _run(command: str, options: dict[str, Any]) -> None:
    """Import what one command needs, torch above all, and run it: --help waits for nothing."""
    if command == "report":
        _report(**options)
    elif command == "figures":
        _figures(Path(options["source"]), Path(options["to"]))
    elif command == "paper":
        from carto_helpers import paper

        steps, dry_run = options.pop("steps"), options.pop("dry_run")
        paper.run(PhaseConfig(**options), steps=steps, dry_run=dry_run)
    elif command in {"status", "forget"}:
        _look_after(command, options)
    elif command in {"map", "select"}:
        _map_or_select(command, options)
    elif command == "completion":
        print(completion(options["shell"]))
    else:
        _run_phase(command, options)


def _look_after(command: str, options: dict[str, Any]) -> None:
    from carto_helpers import experiments
    from carto_helpers.records import Results

    results = Results(options["results"])
    if command == "status" and options["json"]:
        print(json.dumps(experiments.status_facts(results), indent=1))
    elif command == "status":
        print(experiments.status(results))
    else:
        results.forget(options["key"])
        print(f"forgot {options['key']}; the command that made it makes it again")


def _report(source: str, to: str, **options: Any) -> None:
    from carto_helpers.report import executed_pages  # this command alone needs Jupyter

    executed_pages.execute(Path(source), Path(to), **options)


def _figures(source: Path, to: Path) -> None:
    from carto_helpers.report import figure_files  # charts are drawn for this command alone

    index = figure_files.write(source, to)
    print(f"{len(index)} files in {to}; index.csv says what they are")


def _map_or_select(command: str, options: dict[str, Any]) -> None:
    from carto_helpers import own_maps

    to, as_json = Path(options.pop("to")), options.pop("json")
    seed = options.pop("subset_seed", 0)
    config = PhaseConfig.from_parameters(options, command)
    if seed and not config.spec.is_seeded:
        raise ValueError(
            f"`--subset-seed` is of the rule 'random', got {seed} with {config.rule!r}; leave it "
            "out"
        )
    if seed < 0:
        raise ValueError(f"`--subset-seed` must not be negative, got {seed}; pass 0")
    if command == "map" and find_spec("altair") is None:  # known before a teacher's hours
        raise ModuleNotFoundError(
            'a data map needs the package altair, got none; pip install "carto_helpers[charts]"'
        )
    _check_place(to, is_folder=command == "map")
    with _plans_aside(as_json=as_json):
        frame = own_maps.map_table(config)
        facts: dict[str, Any] = {"n": len(frame)}
        if command == "map":
            facts |= {"files": [str(path) for path in own_maps.write_map(frame, to)]}
            said = f"{len(frame):,} examples: {' and '.join(facts['files'])}"
        else:
            chosen = own_maps.subset_table(frame, config, seed=seed)
            own_maps.write_table(chosen, to)
            facts |= {"n_chosen": len(chosen), "rule": config.rule, "files": [str(to)]}
            said = f"{len(chosen):,} of {len(frame):,} examples by {config.rule}: {to}"
    print(json.dumps(facts) if as_json else said)


def _check_place(to: Path, *, is_folder: bool) -> None:
    """Raise now for a place where nothing could be written after a teacher's hours."""
    if to.exists() and to.is_dir() != is_folder:
        kind, other = ("folder", "file") if is_folder else ("file", "folder")
        raise ValueError(f"`--to` must be a {kind}, got the {other} {to}; name another")
    places = (to, *to.parents) if is_folder else to.parents
    there = next(place for place in places if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise type(error)(
            f"`--to` must lie where files can be written, got {to} ({there}: {reason}); name "
            "another place"
        ) from error


def _plans_aside(*, as_json: bool) -> AbstractContextManager[Any]:
    """Let what is printed for a reader go to stderr where stdout is for a program."""
    return contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()


def _run_phase(phase: str, options: dict[str, Any]) -> None:
    import pandas as pd

    from carto_helpers import experiments

    dry_run, as_json = options.pop("dry_run"), options.pop("json")
    config = PhaseConfig.from_parameters(options, phase)
    with _plans_aside(as_json=as_json):
        if phase == "teacher":
            rows = experiments.teachers(config, dry_run=dry_run)
            columns = ["network", "start", "recipe", "val_macro_f1", "test_macro_f1", "seconds"]
        else:
            result = experiments.PHASES[phase](config, dry_run=dry_run)
            rows, columns = (result.students if result else pd.DataFrame()), _COLUMNS
    if as_json:
        print(rows.to_json(orient="records", indent=1))
    elif len(rows) and not dry_run:
        doubts = rows["doubts"].map("; ".join)
        rows, columns = rows.assign(doubts=doubts), [*columns, *(["doubts"] if any(doubts) else [])]
        print(rows[columns].to_string(index=False, float_format=lambda x: f"{x:.4g}"))


if __name__ == "__main__":
    sys.exit(main())
