"""What is run: recipes, subsets, runs and the parameters of a phase, each hashed into a key."""

import dataclasses
import hashlib
import json
import math
import re
import reprlib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_origin

METHOD_VERSION = 1  # raised by hand when results change; part of every run's key
DATASETS = ("digits", "mnist", "cifar10", "cifar100")
FAMILIES = ("mobilenet", "efficientnet", "resnet")
STARTS = ("scratch", "paper", *DATASETS)  # or the path of a safetensors file
TRACKERS = ("none", "tensorboard", "wandb")
EXECUTORS = ("here", "pool", "slurm")

TEACHER_COLUMNS = (
    "key", "dataset", "fingerprint", "teacher", "network", "start", "n_train", "n_val",
    "val_chance", "split_seed", "teacher_seed", "recipe", "engine", "val_accuracy", "val_macro_f1",
    "test_accuracy", "test_macro_f1", "dynamics_sha256", "logits_sha256", "seconds",
    "dynamics_seconds", "device", "versions", "commit", "method_version", "finished_at",
)  # fmt: skip
STUDENT_COLUMNS = (
    "key", "dataset", "fingerprint", "teacher_key", "dynamics_sha256", "student", "network",
    "start", "rule", "fraction", "hard", "ambiguous", "easy", "n_train", "split_seed",
    "teacher_seed", "subset_seed", "student_seed", "recipe", "engine", "train_loss",
    "val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1", "seconds", "device",
    "versions", "commit", "method_version", "finished_at",
)  # fmt: skip

_JUPYTER_NAMES = r"In|Out|exit|quit|_+|_i+|_i?\d+|_[dio]h|_exit_code|__\w+"
_SHARED_PARAMETERS = (
    "dataset", "data_root", "image_size", "teacher_start", "batch_size", "split_seed", "epochs",
    "device", "results", "train", "tracker", "executor", "workers", "slurm",
)  # fmt: skip
_STUDENT_PARAMETERS = (
    *_SHARED_PARAMETERS, "architecture", "teacher", "student_start", "learning_rate",
    "teacher_learning_rate", "temperature", "hard_weight", "seeds",
)  # fmt: skip
PARAMETERS = {
    "teacher": (*_SHARED_PARAMETERS, "architectures", "learning_rates"),
    "phase1": (*_STUDENT_PARAMETERS, "fraction"),
    "phase2": (*_STUDENT_PARAMETERS, "fraction"),
    "phase3": (*_STUDENT_PARAMETERS, "fractions"),
}  # what each notebook and each command of that name takes
_MAP_PARAMETERS = (
    *(n for n in _SHARED_PARAMETERS if n not in ("tracker", "executor", "workers", "slurm")),
    "teacher", "teacher_learning_rate", "dynamics",
)  # fmt: skip
COMMANDS = PARAMETERS | {
    "map": _MAP_PARAMETERS,
    "select": (*_MAP_PARAMETERS, "rule", "fraction", "shares"),
    "distill": (*_STUDENT_PARAMETERS, "rule", "fraction", "shares", "subset"),
}  # what each command takes
_TAKEN = COMMANDS | {
    "record": ("results",),  # pages over everything that is recorded
    "page": (),  # pages of no record
    "quickstart": (
        "dataset", "image_size", "results", "teacher", "architecture", "rule", "fraction", "epochs",
        "device", "train",
    ),
}  # fmt: skip


def start_name(label: str) -> str:
    """Return the start that a row's label is one of: without the teacher of another data set.

    Weights of one's own stay what they are: each file is a start of its own.

    Examples
    --------
    >>> start_name("cifar100:c30a3af3ea138146"), start_name("file:0a1b"), start_name("scratch")
    ('cifar100', 'file:0a1b', 'scratch')
    """
    name = label.partition(":")[0]
    return label if name == "file" else name


def subset_size(fraction: float, n: int) -> int:
    """Return the number of examples that `fraction` of `n` holds.

    The floor of the decimal product, so that 0.57 of 40,000 is 22,800 although the nearest binary
    number to 0.57 lies below it. Every rule takes its size from here.

    Parameters
    ----------
    fraction
        In (0, 1].
    n
        Number of examples to choose from, at least 1.

    Returns
    -------
    int
        In 1 … n.

    Raises
    ------
    ValueError
        If `fraction` lies outside (0, 1], or the subset would be empty.

    Examples
    --------
    >>> subset_size(0.57, 40_000), subset_size(0.33, 40_000), subset_size(1.0, 7)
    (22800, 13200, 7)
    """
    check_fraction(fraction)
    size = math.floor(Fraction(repr(float(fraction))) * n)
    if size < 1:
        raise ValueError(
            f"a subset must hold at least one example, got fraction {fraction} of {n}; "
            "pass a larger fraction"
        )
    return size


def check_fraction(fraction: object, name: str = "fraction") -> None:
    """Raise unless `fraction` is a number in (0, 1]."""
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        raise TypeError(
            f"`{name}` must be a number in (0, 1], got {fraction!r}; pass 0.33 for 33 %"
        )
    if not 0 < fraction <= 1:
        raise ValueError(f"`{name}` must lie in (0, 1], got {fraction!r}; pass 0.33 for 33 %")


def check_temperature(temperature: float) -> None:
    """Raise unless `temperature` (T of equation 3) is positive, and T² the loss can bear."""
    if not 1e-6 <= temperature <= 1e6:  # beyond, rounding alone would decide the loss
        raise ValueError(
            f"`temperature` must be positive and finite, got {temperature!r}; pass 1e-6 to 1e6, "
            "the paper's is 1.0"
        )


def check_hard_weight(hard_weight: float) -> None:
    """Raise unless `hard_weight` (the paper's α) lies in [0, 1]."""
    if not 0 <= hard_weight <= 1:
        raise ValueError(
            f"`hard_weight` must lie in [0, 1], got {hard_weight!r}; the paper's α is 0.5"
        )


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"`{name}` must be positive and finite, got {value!r}; pass a number > 0")


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; the defaults are the paper's, as its authors' code runs it.

    Adam without schedule, float32, batches of 32, 10 epochs, gradient norm clipped at 0.5,
    T = 1 and α = 0.5 (section 3.3). A teacher is trained on the hard labels alone:
    `hard_weight` 1.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    clip_norm: float = 0.5
    temperature: float = 1.0
    hard_weight: float = 0.5

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a whole number >= 1, got {value!r}; pass one")
        _check_positive("learning_rate", self.learning_rate)
        _check_positive("clip_norm", self.clip_norm)
        check_temperature(self.temperature)
        check_hard_weight(self.hard_weight)

    def to_json(self) -> str:
        """Return the recipe as one line of JSON, as a row holds it."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Return the recipe that a row holds."""
        return cls(**json.loads(text))


@dataclass(frozen=True, kw_only=True)
class SubsetSpec:
    """Which part of the training split a student sees.

    `rule` is a name that `selection.select` knows; `hard`, `ambiguous` and `easy` are the shares
    of a mix, as fractions of the training split (table 4), and 0 for every other rule.
    """

    rule: str = "random"
    fraction: float = 0.33
    hard: float = 0.0
    ambiguous: float = 0.0
    easy: float = 0.0

    def __post_init__(self) -> None:
        """Check the fractions."""
        check_fraction(self.fraction)
        for name in ("hard", "ambiguous", "easy"):
            share = getattr(self, name)
            if not 0 <= share <= self.fraction:
                raise ValueError(
                    f"`{name}` must lie in [0, {self.fraction}], got {share!r}; "
                    "the shares of a mix are fractions of the training split"
                )
        if self.rule != "mix" and (self.hard or self.ambiguous or self.easy):
            raise ValueError(f"only a mix has shares, got rule {self.rule!r}; leave them out")

    def label(self) -> str:
        """Return what a table calls the subset, e.g. "33% random" or "mix 14/5/14"."""
        if self.rule == "all":
            return "100% train"
        if self.rule == "mix":
            shares = (self.hard, self.ambiguous, self.easy)
            return "mix " + "/".join(f"{100 * share:g}" for share in shares)
        return f"{100 * self.fraction:g}% {self.rule}"

    @property
    def is_seeded(self) -> bool:
        """Whether the subset depends on a seed."""
        return self.rule == "random"


@dataclass(frozen=True, kw_only=True)
class TeacherRun:
    """One teacher to train: the unit of work, and its key.

    `network` is the resolved network's name, `start` what its weights are drawn from: "scratch",
    "paper" or "file:<digest>".
    """

    dataset: str
    fingerprint: str
    teacher: str
    network: str
    start: str = "scratch"
    split_seed: int = 0
    teacher_seed: int = 0
    recipe: Recipe = Recipe(hard_weight=1.0)

    def key(self) -> str:
        """Return 16 hexadecimal digits of the content's SHA-256 and the method version."""
        content = dataclasses.asdict(self) | {"method_version": METHOD_VERSION}
        del content["teacher"]  # the name it was asked by; the network decides
        return _digest(content)


@dataclass(frozen=True, kw_only=True)
class StudentRun:
    """One student to distil: the unit of work, of resume and of scale-out, and its key.

    `student_seed` sets initial weights, batch order and dropout, `subset_seed` the random draw of
    examples.
    """

    dataset: str
    fingerprint: str
    teacher_key: str
    dynamics_sha256: str
    student: str
    network: str
    start: str = "scratch"
    subset: SubsetSpec
    split_seed: int = 0
    teacher_seed: int = 0
    subset_seed: int = 0
    student_seed: int = 0
    recipe: Recipe = Recipe()

    def key(self) -> str:
        """Return 16 hexadecimal digits of the content's SHA-256 and the method version."""
        content = dataclasses.asdict(self) | {"method_version": METHOD_VERSION}
        del content["student"]  # the name it was asked by; the network decides
        if not self.subset.is_seeded:
            del content["subset_seed"]
        return _digest(content)


_FRACTION = 0.33  # unless another is asked for


@dataclass(frozen=True, kw_only=True)
class PhaseConfig:
    """The parameters of a notebook or of one call of the command line.

    One set serves the teacher and the three phases; `seeds` is how many.
    """

    dataset: str = "digits"
    data_root: str | None = None
    image_size: int = 0
    architecture: str = "mobilenet"
    architectures: tuple[str, ...] = ("resnet",)
    learning_rates: tuple[float, ...] = (1e-3,)
    teacher: str = "best"
    teacher_start: str = "scratch"
    student_start: str = "scratch"
    learning_rate: float = 1e-3
    teacher_learning_rate: float = 1e-3
    temperature: float = 1.0
    hard_weight: float = 0.5
    batch_size: int = 32
    split_seed: int = 0
    seeds: int = 1
    epochs: int = 10
    fraction: float = _FRACTION
    rule: str = "random"
    shares: tuple[float, ...] = ()
    subset: str | None = None
    dynamics: str | None = None
    fractions: tuple[float, ...] = (0.01, 0.05, 0.10, 0.25, 0.33, 0.55, 1.0)
    device: str = "auto"
    results: str = "results"
    train: bool = True
    tracker: str = "none"
    executor: str = "here"
    workers: int = 0
    slurm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what can be checked without data."""
        for field in dataclasses.fields(self):
            value = _as_kind(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1, got {self.seeds}; it is how many")
        if self.split_seed < 0:
            raise ValueError(f"`split_seed` must not be negative, got {self.split_seed}; pass 0")
        if self.image_size < 0:
            raise ValueError(
                f"`image_size` must not be negative, got {self.image_size}; 0 leaves images as "
                "they are"
            )
        self._check_places()
        _ = self.spec
        check_fraction(self.fraction)
        for fraction in self.fractions:
            check_fraction(fraction, "fractions")
        for name in ("architectures", "learning_rates", "fractions"):
            if not getattr(self, name):
                raise ValueError(f"`{name}` must name at least one, got an empty list; pass one")
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(
                    f"`{name}` must name each once, got {reprlib.repr(getattr(self, name))}; a "
                    "cell would count a run twice: leave the second out"
                )
        _ = self.student_recipe, [self.teacher_recipe(lr) for lr in self.learning_rates]

    def _check_places(self) -> None:
        """Check where runs are trained and followed."""
        for name, known in (("tracker", TRACKERS), ("executor", EXECUTORS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(known)}, got {reprlib.repr(value)}; "
                    f"pass {known[0]!r}"
                )
        if self.workers < 0:
            raise ValueError(
                f"`workers` must not be negative, got {self.workers}; 0 chooses the number"
            )
        for name, value, needed in (
            ("workers", self.workers, EXECUTORS[1:]),
            ("slurm", self.slurm, EXECUTORS[2:]),
        ):
            if value and self.executor not in needed:
                raise ValueError(
                    f"`{name}` is of executor {' or '.join(needed)}, got {reprlib.repr(value)} "
                    f"with {self.executor!r}; leave it out or pass executor {needed[-1]!r}"
                )
        for option in self.slurm:
            if not re.fullmatch(r"-{0,2}[A-Za-z][\w-]*(=.*)?", option):
                raise ValueError(
                    f"`slurm` must name options of sbatch, got {reprlib.repr(option)}; "
                    "pass them like partition=gpu"
                )

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], phase: str) -> "PhaseConfig":
        """Make the configuration of a phase, or of a page over the whole "record".

        Parameters
        ----------
        parameters
            Names and plain values.
        phase
            Whose parameters they are; `COMMANDS` lists them.

        Raises
        ------
        ValueError
            If a name is unknown (the valid ones are listed) or a value out of range.
        TypeError
            If a value is of the wrong kind.

        Examples
        --------
        >>> PhaseConfig.from_parameters({"dataset": "mnist", "seeds": 3}, "phase1").seeds
        3
        """
        valid = _TAKEN[phase]
        unknown = sorted(set(parameters) - set(valid))
        if unknown:
            names = ", ".join(n if n.isidentifier() else _shown(n) for n in unknown)
            raise ValueError(
                f"unknown parameter {names} for {phase}; valid parameters: "
                f"{', '.join(valid) or 'none'}"
            )
        fields = {field.name: field for field in dataclasses.fields(cls)}
        return cls(**{name: _as_kind(fields[name], value) for name, value in parameters.items()})

    @classmethod
    def from_notebook(cls, namespace: Mapping[str, Any], phase: str) -> "PhaseConfig":
        """Make the configuration from a notebook's `globals()`, before it defines anything else.

        Papermill only warns of a parameter that a notebook does not know; here it is an error.
        Every plain value in the namespace counts as a parameter, Jupyter's own names apart.
        """
        plain = (str, int, float, list, tuple, dict, type(None))
        given = {
            name: value
            for name, value in namespace.items()
            if isinstance(value, plain) and not re.fullmatch(_JUPYTER_NAMES, name)
        }
        return cls.from_parameters(given, phase)

    @property
    def spec(self) -> SubsetSpec:
        """The subset that `rule`, `fraction` and `shares` (hard, ambiguous, easy) name."""
        if len(self.shares) not in (0, 3) or (self.rule == "mix") != (len(self.shares) == 3):
            raise ValueError(
                "`shares` are the three of a mix, hard, ambiguous and easy, got "
                f"{len(self.shares)} with rule {self.rule!r}; pass rule 'mix' and 0.11 0.11 0.11"
            )
        hard, ambiguous, easy = self.shares or (0.0, 0.0, 0.0)
        fraction = self.fraction
        if self.rule == "all":
            if fraction not in (_FRACTION, 1.0):
                raise ValueError(
                    f"rule 'all' takes every example, got fraction {fraction}; leave it out, or "
                    "pass rule 'random'"
                )
            fraction = 1.0
        return SubsetSpec(
            rule=self.rule, fraction=fraction, hard=hard, ambiguous=ambiguous, easy=easy
        )

    @property
    def student_recipe(self) -> Recipe:
        """The students' recipe."""
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            temperature=self.temperature,
            hard_weight=self.hard_weight,
        )

    def teacher_recipe(self, learning_rate: float | None = None) -> Recipe:
        """Return the teacher's recipe: the hard labels alone, at its own learning rate."""
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.teacher_learning_rate if learning_rate is None else learning_rate,
            hard_weight=1.0,
        )


def _as_kind(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """Return `value` as the field's kind (a list as tuple, a whole number as float) or raise."""
    kind: Any = field.type
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if isinstance(value, list | tuple) and all(_is_kind(v, element) for v in value):
            return tuple(float(v) if element is float else v for v in value)
    elif isinstance(value, Path) and str in (kind, *get_args(kind)):
        return str(value)
    elif _is_kind(value, kind):
        return float(value) if kind is float else value
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    element = get_args(kind)[0] if get_args(kind) else kind
    name = f"a list, each {names[element]}" if get_origin(kind) is tuple else names[element]
    raise TypeError(
        f"`{field.name}` must be {name}, got {_shown(value)}; the default is {field.default!r}"
    )


def _shown(value: object) -> str:
    """Return a value as an error shows it: on one line, and not at length."""
    text = reprlib.repr(value)
    return text if len(text) < 100 else f"{text[:100]} …"


def _is_kind(value: object, kind: Any) -> bool:
    if isinstance(kind, types.UnionType):
        return any(_is_kind(value, part) for part in get_args(kind))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
