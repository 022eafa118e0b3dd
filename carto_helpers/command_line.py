"""What the command line takes: commands, options, help. It imports nothing slow."""

import argparse
import dataclasses
from typing import Any, get_args, get_origin

from carto_helpers import __version__
from carto_helpers.config import (
    COMMANDS,
    DATASETS,
    FAMILIES,
    STARTS,
    TRACKERS,
    PhaseConfig,
)

# What --help shows together, in this order: a title, and the parameters under it.
_GROUPS = {
    "data": ("dataset", "data_root", "image_size", "split_seed", "dynamics"),
    "networks": (
        "architecture", "architectures", "teacher", "teacher_start", "student_start",
    ),
    "subsets and seeds": ("rule", "fraction", "fractions", "shares", "subset", "seeds"),
    "recipe (defaults are the paper's)": (
        "epochs", "batch_size", "learning_rate", "learning_rates", "teacher_learning_rate",
        "temperature", "hard_weight",
    ),
    "this machine": ("device", "results", "train"),
    "trackers and clusters": ("tracker", "executor", "workers", "slurm"),
}  # fmt: skip
_HELP = {
    "dataset": f"{', '.join(DATASETS)}, or the path of a folder with train/ and test/ (images by "
    "class) or train.parquet and test.parquet",
    "data_root": "where the named data sets lie, or are downloaded to (default: the user's cache)",
    "image_size": "pixels a side that images are scaled and cut to; 0 leaves them as they are",
    "architecture": f"the student: {', '.join(FAMILIES)}, or any timm name",
    "architectures": f"teachers of the grid: {', '.join(FAMILIES)}, or any timm name",
    "learning_rates": "learning rates of the grid",
    "teacher": "best (by validation macro F1 among those recorded with these epochs and batch "
    "size, a ResNet-50 if there is none), or a family, or a timm name",
    "teacher_start": "what the teacher's weights start from: "
    f"{', '.join(STARTS)} (a data set: its recorded teacher's), or FILE.safetensors",
    "student_start": "what the students' weights start from, named likewise",
    "learning_rate": "the students'",
    "teacher_learning_rate": "the teacher's, where one must be trained; a teacher asked for by "
    "name has it",
    "temperature": "T of equation 3",
    "hard_weight": "the paper's α of equation 4: the weight of the hard labels, in [0, 1]",
    "batch_size": "examples a step",
    "split_seed": "seed of the 80/20 split of the training set",
    "seeds": "how many students a subset: 3 runs seeds 0, 1 and 2",
    "epochs": "of teacher and students",
    "fraction": "share of the training split that a subset holds, in (0, 1]",
    "rule": "which examples: random, low-confidence and the like, easy-to-learn, ambiguous, "
    "hard-to-learn, mix, or all",
    "shares": "of a mix: hard, ambiguous and easy examples, as shares of the training split",
    "subset": "a subset of your own instead of a rule's: a CSV file with a column index or file",
    "dynamics": "training dynamics of your own instead of a data set's teacher: a recorder's "
    "folder, a folder of dynamics_epoch_N.jsonl, a .parquet or a .npz file",
    "fractions": "shares of the random subsets, each in (0, 1]",
    "device": "auto, cpu, cuda, cuda:N or mps",
    "results": "folder of the record: finished runs are rows there and are not run again",
    "train": "train the runs that are missing, or print the recorded ones only",
    "tracker": f"where runs can be watched: {', '.join(TRACKERS)}",
    "executor": "where runs are trained: here, pool (all devices of this machine), or slurm",
    "workers": "of pool or slurm at once; 0 is one a device, or one a run",
    "slurm": "options of sbatch without their dashes, like partition=gpu gpus-per-node=1",
}
_METAVARS = {
    "dataset": "NAME|FOLDER", "data_root": "FOLDER", "results": "FOLDER", "architecture": "NAME",
    "architectures": "NAME", "teacher": "NAME", "teacher_start": "START",
    "student_start": "START", "fraction": "SHARE", "fractions": "SHARE", "device": "DEVICE",
    "rule": "NAME", "shares": "SHARE", "subset": "FILE", "dynamics": "PATH", "tracker": "NAME",
    "executor": "NAME", "slurm": "NAME=VALUE",
}  # fmt: skip
_ABOUT = {
    "teacher": "train the grid of teachers and record their training dynamics (table 2)",
    "phase1": "distil students on subsets chosen by training dynamics (table 3)",
    "phase2": "distil students on mixes of easy, ambiguous and hard examples (table 4)",
    "phase3": "distil students on random subsets of several sizes (table 5)",
    "map": "write a data map and the scores of every training example",
    "select": "write a subset of the training examples as a CSV file",
    "distill": "distil students on one subset, by a rule or of your own",
    "paper": "run the whole paper, step by step",
    "status": "print what a results folder holds and what is under way",
    "forget": "remove one run from the record, so that it is made again",
    "report": "execute the notebooks from the record (needs the `book` extra)",
    "figures": "write the pages' figures and tables as files (needs the `book` extra)",
    "completion": "print what lets a shell complete these commands (needs the `completion` extra)",
}
_EXAMPLES = {
    "teacher": (
        "carto teacher --dataset cifar10 --architectures resnet --learning-rates 1e-3 1e-4",
    ),
    "phase1": (
        "carto phase1                      # the embedded digits",
        "carto phase1 --dataset cifar10 --architecture mobilenet --seeds 3 --dry-run",
        "carto phase1 --dataset ./flowers  # your own images",
    ),
    "phase2": ("carto phase2 --dataset cifar10 --architecture mobilenet --seeds 3",),
    "phase3": ("carto phase3 --dataset cifar10 --fractions 0.1 0.33 1.0",),
    "map": (
        "carto map                                   # the embedded digits",
        "carto map --dataset ./flowers --image-size 64 --teacher resnet18 --to build/flowers",
        "carto map --dynamics my_recorder            # of your own training loop",
    ),
    "select": (
        "carto select --dataset ./flowers --rule ambiguous --fraction 0.33 --to third.csv",
        "carto select --rule mix --shares 0.11 0.11 0.11 --to mix.csv",
    ),
    "distill": (
        "carto distill --dataset ./flowers --subset third.csv --architecture mobilenet",
        "carto distill --rule high-correctness --fraction 0.5 --seeds 3",
    ),
    "paper": (
        "carto paper --dry-run",
        "carto paper --data-root ~/data --results book/results --seeds 3 --steps 1 2",
    ),
    "status": ("carto status --results book/results",),
    "forget": ("carto forget KEY --results results    # KEY stands in students.csv",),
    "report": ("carto report --to my_pages --results results --datasets digits",),
    "figures": ("carto figures --to build/figures",),
    "completion": (
        "carto completion bash   # write it to ~/.local/share/bash-completion/completions/carto",
        "carto completion zsh    # write it to _carto in a folder of $fpath",
    ),
}
_EPILOG = """\
first steps:
  carto phase1 --dry-run       what it would train on the embedded digits, and for how long
  carto phase1                 train a teacher and its students there
  carto status                 what is recorded by now
  carto phase1 --help          the options, with examples

An interrupted command goes on where it stopped when it is given again.

exit status:
  0 done; 1 a fault of this program (with its traceback); 2 a wrong option, or an error said in
  one line; 130 stopped by Ctrl-C; 143 stopped by SIGTERM
"""


_WRITTEN = {"map": "build/map", "select": "subset.csv"}  # where they write by default
SHELLS = ("bash", "zsh", "tcsh")


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Examples as they are written; the default of each option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == []:
            return action.help
        return super()._get_help_string(action)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m carto_helpers` and `carto`.

    Examples
    --------
    >>> make_parser().parse_args(["phase1", "--seeds", "3"]).seeds
    3
    """
    parser = argparse.ArgumentParser(
        prog="carto",
        description="Knowledge distillation with training dynamics.",
        epilog=_EPILOG,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"carto_helpers {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for phase in COMMANDS:
        _add_phase(_command(commands, phase), phase)
    _add_paper(_command(commands, "paper"))
    status = _command(commands, "status")
    _add_option(status, "results")
    _add_json(status)
    forget = _command(commands, "forget")
    forget.add_argument("key", metavar="KEY", help="of the run, as its row has it")
    _add_option(forget, "results")
    _add_report(_command(commands, "report"))
    _add_figures(_command(commands, "figures"))
    _command(commands, "completion").add_argument("shell", choices=SHELLS, help="which")
    return parser


def completion(shell: str) -> str:
    """Return what lets `shell`, one of `SHELLS`, complete the command line.

    Raises
    ------
    ModuleNotFoundError
        If shtab is not installed.
    """
    try:
        import shtab
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "`carto completion` expects the package shtab, got none; "
            '`pip install "carto_helpers[completion]"` adds it'
        ) from error
    return str(shtab.complete(make_parser(), shell=shell))


def _command(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add one command with its description and examples."""
    lines = "\n".join(f"  {line}" for line in _EXAMPLES[name])
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=_ABOUT[name],
        description=f"{_ABOUT[name][0].upper()}{_ABOUT[name][1:]}.",
        epilog=f"examples:\n{lines}",
        formatter_class=_Formatter,
        allow_abbrev=False,  # or else `--teacher`, which no teacher takes, were its start
    )
    return parser


def _add_phase(command: argparse.ArgumentParser, phase: str) -> None:
    for title, names in _GROUPS.items():
        group = command.add_argument_group(title)
        for name in names:
            if name in COMMANDS[phase]:
                _add_option(group, name)
    if phase in _WRITTEN:
        text = "where it goes"
        command.add_argument("--to", default=_WRITTEN[phase], metavar="PATH", help=text)
    else:
        _add_dry_run(command)
    if phase == "select":
        text = "seed of the rule random"
        command.add_argument("--subset-seed", type=int, default=0, metavar="N", help=text)
    _add_json(command)


def _add_option(command: "argparse._ActionsContainer", name: str, **more: Any) -> None:
    """Add the option of one parameter of `PhaseConfig`, with its kind and default."""
    field = next(field for field in dataclasses.fields(PhaseConfig) if field.name == name)
    options: dict[str, Any] = {"help": _HELP[name], "default": field.default}
    kind: Any = field.type
    if kind is bool:
        options["action"] = argparse.BooleanOptionalAction
    else:
        many = get_origin(kind) is tuple
        one = get_args(kind)[0] if many else kind
        options["type"] = one if one in (int, float) else str
        options["metavar"] = _METAVARS.get(name, "N" if one is int else "NUMBER")
        options |= {"nargs": "+"} if many else {}
    command.add_argument(f"--{name.replace('_', '-')}", **options | more)


def _add_json(command: argparse.ArgumentParser) -> None:
    text = "print what came out as JSON, and what is only said to stderr"
    command.add_argument("--json", action="store_true", help=text)


def _add_dry_run(command: argparse.ArgumentParser) -> None:
    text = "print what would be trained, how long it takes and how much disk, and stop"
    command.add_argument("--dry-run", action="store_true", help=text)


def _add_paper(command: argparse.ArgumentParser) -> None:
    names = ("data_root", "seeds", "epochs", "device", "results", *_GROUPS["trackers and clusters"])
    for name in names:
        _add_option(command, name)
    steps = "only these steps, by the numbers that --dry-run prints (default: all)"
    command.add_argument("--steps", nargs="+", type=int, default=[], metavar="N", help=steps)
    _add_dry_run(command)


def _add_report(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--from", dest="source", default="notebooks", metavar="FOLDER", help="source notebooks")
    add("--to", default="book/phases", metavar="FOLDER", help="where the executed copies go")
    _add_option(command, "results", default="book/results")
    names = "only these data sets (default: all recorded)"
    add("--datasets", nargs="+", default=[], metavar="NAME", help=names)
    add("--seeds", type=int, metavar="N", help="seeds a cell (default: all recorded)")
    train = "train what is missing, with MobileNet students"
    add("--train", action="store_true", help=train)


def _add_figures(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--from", dest="source", default="book/phases", metavar="FOLDER", help="executed pages")
    add("--to", default="build/figures", metavar="FOLDER", help="where the files go")
