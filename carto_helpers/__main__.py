"""The command line: every phase without a notebook, for machines that have no Jupyter."""

import argparse
import dataclasses
import errno
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from carto_helpers import experiments, paper
from carto_helpers.config import DATASETS, FAMILIES, PARAMETERS, STARTS, TRACKERS, PhaseConfig
from carto_helpers.durable import Stopped, stoppable
from carto_helpers.records import Results

_HELP = {
    "dataset": f"{', '.join(DATASETS)}, or the path of an image folder with train/ and test/",
    "data_root": "where the named data sets lie, or are downloaded to; None is the user's cache",
    "architecture": f"the student: {', '.join(FAMILIES)}, or any timm name",
    "architectures": f"teachers of the grid: {', '.join(FAMILIES)}, or any timm name",
    "learning_rates": "learning rates of the grid",
    "teacher": "best (by validation macro F1 among the recorded), or a family, or a timm name",
    "teacher_start": f"{', '.join(STARTS)} (a data set: its recorded teacher), or FILE.safetensors",
    "student_start": "the same for the students",
    "learning_rate": "the students'",
    "teacher_learning_rate": "the teacher's, where one must be trained",
    "temperature": "T of equation 3",
    "hard_weight": "the paper's α of equation 4: the weight of the hard labels, in [0, 1]",
    "batch_size": "examples a step",
    "split_seed": "of the 80/20 split of the training set",
    "seeds": "how many: 3 runs students with seeds 0, 1 and 2",
    "epochs": "of teacher and students",
    "fraction": "of the training split that a subset holds, in (0, 1]",
    "fractions": "sizes of the random subsets, each in (0, 1]",
    "device": "auto, cpu, cuda, cuda:N or mps",
    "results": "folder of the record",
    "train": "train the runs that are missing",
    "tracker": f"where runs can be watched: {', '.join(TRACKERS)}",
    "executor": "where runs are trained: here, pool (all devices of this machine), or slurm",
    "workers": "of pool or slurm at once; 0 is one a device, or one a run",
    "slurm": "options of sbatch without their dashes, like partition=gpu gpus-per-node=1",
}
_ABOUT = {
    "teacher": "train the grid of teachers and record their training dynamics (table 2)",
    "phase1": "distil students on one-third subsets chosen by training dynamics (table 3)",
    "phase2": "distil students on mixes of easy, ambiguous and hard examples (table 4)",
    "phase3": "distil students on random subsets of several sizes (table 5)",
}
_COLUMNS = ["rule", "fraction", "hard", "ambiguous", "easy", "student_seed", "test_macro_f1"]
_SAID_IN_ONE_LINE = (
    ValueError, TypeError, OSError, FloatingPointError, RuntimeError, MemoryError, ImportError,
)  # fmt: skip
_NO_MEMORY = ("allocate memory", "out of memory", "malloc", "could not create a primitive")
_EXAMPLES = """\
examples:
  carto phase1                                  on the embedded digits
  carto teacher --dataset cifar10 --architectures resnet --learning-rates 1e-3 1e-4
  carto phase1 --dataset cifar10 --architecture mobilenet --seeds 3 --dry-run
  carto paper --data-root ~/data --results book/results --seeds 3
  carto status --results book/results
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m carto_helpers` and `carto`."""
    parser = argparse.ArgumentParser(
        prog="carto",
        description="Knowledge distillation with training dynamics.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for phase, names in PARAMETERS.items():
        command = commands.add_parser(
            phase,
            help=_ABOUT[phase],
            description=_ABOUT[phase],
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        for name in names:
            _add_parameter(command, name)
        command.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    _add_paper(commands.add_parser("paper", help="run the whole paper, step by step"))
    status = commands.add_parser("status", help="print what a results folder holds")
    status.add_argument("--results", default="results", help=_HELP["results"])
    forget = commands.add_parser("forget", help="remove one run, so that it is made again")
    forget.add_argument("key", help="of the run, as its row has it")
    forget.add_argument("--results", default="results", help=_HELP["results"])
    _add_report(commands.add_parser("report", help="execute the notebooks from the record"))
    _add_figures(commands.add_parser("figures", help="write figures and tables as files"))
    return parser


def _add_parameter(command: argparse.ArgumentParser, name: str) -> None:
    field = next(field for field in dataclasses.fields(PhaseConfig) if field.name == name)
    options: dict[str, Any] = {"help": _HELP[name], "default": field.default}
    kind: Any = field.type
    if kind is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif get_origin(kind) is tuple:
        options |= {"nargs": "+", "type": get_args(kind)[0]}
    else:
        options["type"] = kind if kind in (int, float) else str
    command.add_argument(f"--{name.replace('_', '-')}", **options)


def _add_paper(command: argparse.ArgumentParser) -> None:
    for name in (
        "data_root", "seeds", "epochs", "device", "results",
        "tracker", "executor", "workers", "slurm",
    ):  # fmt: skip
        _add_parameter(command, name)
    command.add_argument(
        "--steps", nargs="+", type=int, default=[], help=f"of 1 … {paper.N_STEPS} (default: all)"
    )
    command.add_argument("--dry-run", action="store_true", help="print the plans and stop")


def _add_report(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="source", default="notebooks", help="source notebooks")
    command.add_argument("--to", default="book/phases", help="folder of the executed copies")
    command.add_argument("--results", default="book/results", help=_HELP["results"])
    command.add_argument(
        "--datasets", nargs="+", default=[], help="only these (default: all recorded)"
    )
    command.add_argument("--seeds", type=int, help="seeds a cell (default: all recorded)")
    command.add_argument(
        "--train", action="store_true", help="train what is missing, with MobileNet students"
    )


def _add_figures(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="source", default="book/phases", help="executed pages")
    command.add_argument("--to", default="build/figures", help="folder of the files")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    0; 2 after an error, said in one line; 130 after Ctrl-C and 143 after SIGTERM.
    """
    options = vars(make_parser().parse_args(arguments))
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
    return text


def _run(command: str, options: dict[str, Any]) -> None:
    if command == "paper":
        steps, dry_run = options.pop("steps"), options.pop("dry_run")
        paper.run(PhaseConfig(**options), steps=steps, dry_run=dry_run)
    elif command == "status":
        print(experiments.status(Results(options["results"])))
    elif command == "forget":
        Results(options["results"]).forget(options["key"])
    elif command == "report":
        from carto_helpers import report  # Jupyter is needed for this command alone

        report.execute(
            Path(options["source"]),
            Path(options["to"]),
            results=options["results"],
            datasets=options["datasets"],
            seeds=options["seeds"],
            train=options["train"],
        )
    elif command == "figures":
        from carto_helpers import figure_files  # charts are drawn for this command alone

        index = figure_files.write(Path(options["source"]), Path(options["to"]))
        print(f"{len(index)} files in {options['to']}; index.csv says what they are")
    else:
        _run_phase(command, options)


def _run_phase(phase: str, options: dict[str, Any]) -> None:
    dry_run = options.pop("dry_run")
    config = PhaseConfig.from_parameters(options, phase)
    if phase == "teacher":
        rows = experiments.teachers(config, dry_run=dry_run)
        columns = ["network", "start", "recipe", "val_macro_f1", "test_macro_f1", "seconds"]
    else:
        result = experiments.PHASES[phase](config, dry_run=dry_run)
        if result is None:
            return
        rows, columns = result.students, _COLUMNS
    if len(rows) and not dry_run:
        doubts = rows["doubts"].map("; ".join)
        rows, columns = rows.assign(doubts=doubts), [*columns, *(["doubts"] if any(doubts) else [])]
        print(rows[columns].to_string(index=False, float_format=lambda x: f"{x:.4g}"))


if __name__ == "__main__":
    sys.exit(main())
