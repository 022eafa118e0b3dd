"""What all runs of a phase share: the configuration, its images on the device, its record."""

import dataclasses
import json
from functools import cached_property
from typing import Any

import pandas as pd
from torch import nn

from carto_helpers import data, models
from carto_helpers.config import (
    DATASETS,
    PhaseConfig,
    StudentRun,
    SubsetSpec,
    TeacherRun,
    start_name,
)
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.memory import Footprint, footprint
from carto_helpers.records import Results
from carto_helpers.runs.starts import Start, initialise, resolve_start
from carto_helpers.tracking import Tracker, open_tracker
from carto_helpers.training import TrainingData


class Workbench:
    """A configuration with its data and its record.

    The data set is loaded when first needed, so that reading a record needs none.
    """

    def __init__(self, config: PhaseConfig) -> None:
        self.config = config
        self.results = Results(config.results)
        self._resident: dict[Engine, dict[str, TrainingData]] = {}
        self._taught: dict[Engine, str] = {}  # whose logits lie there

    @cached_property
    def dataset(self) -> data.Dataset:
        """The images, from `dataset` and `data_root`."""
        config = self.config
        return data.load(
            config.dataset,
            config.data_root,
            image_size=config.image_size,
            download=config.train,
        )

    @cached_property
    def split(self) -> data.Split:
        """Positions of the training and the validation split."""
        dataset = self.dataset
        return data.split(len(dataset.train), self.config.split_seed, dataset.n_validation)

    def network(self, role: str) -> models.NetworkSpec:
        """Return the network of the asked student, or of the asked teacher (best: ResNet-50)."""
        if role == "student":
            return models.resolve(self.config.architecture, role="student")
        name = self.config.teacher
        return models.resolve("resnet" if name == "best" else name, role="teacher")

    def student_name(self) -> str:
        """Return what rows call the student."""
        return self.network("student").row_name("student")

    def start(self, role: str, spec: models.NetworkSpec) -> Start:
        """Return what the asked start means for one network."""
        config = self.config
        asked = config.teacher_start if role == "teacher" else config.student_start
        return resolve_start(asked, spec, self.results)

    def start_of(self, run: TeacherRun | StudentRun, spec: models.NetworkSpec) -> Start:
        """Return the start of a run, which must still be what it was when the run was planned.

        Raises
        ------
        ValueError
            If the file has changed, or a better teacher of the other data set was recorded.
        """
        start = self.start("teacher" if isinstance(run, TeacherRun) else "student", spec)
        if start.label != run.start:
            raise ValueError(
                f"expected the start {run.start} as planned, got {start.label}; its file or the "
                "best teacher has changed meanwhile: give the command again"
            )
        return start

    def teacher_run(
        self, spec: models.NetworkSpec, learning_rate: float | None = None
    ) -> TeacherRun:
        """Return the run of one teacher with this configuration's recipe."""
        return TeacherRun(
            dataset=self.dataset.name,
            fingerprint=self.dataset.fingerprint,
            teacher=spec.row_name("teacher"),
            network=spec.name,
            start=self.start("teacher", spec).label,
            split_seed=self.config.split_seed,
            recipe=self.config.teacher_recipe(learning_rate),
        )

    def chosen_teacher(self) -> "pd.Series[Any] | None":
        """Return the recorded teacher that students learn from, or None.

        `best` is the highest validation macro F1 among the recorded teachers of this data set,
        split, start, number of epochs and batch size, whatever their learning rate; those whose
        logits the record does not keep cannot teach, and are passed over for others. Without
        `train` a teacher must be recorded, but the images need not be there, unless the record
        holds teachers of other images of that name.

        Raises
        ------
        FileNotFoundError
            If nothing may be trained and no such teacher is recorded.
        ValueError
            If the record alone cannot tell which teacher is meant.
        """
        rows = self._candidates()
        if not rows.empty:
            return rows.iloc[int(rows["val_macro_f1"].argmax())]
        if not self.config.train:
            raise self.no_teacher()
        return None

    def no_teacher(self) -> FileNotFoundError:
        """Return the error for a record without the teacher that is asked for."""
        config, asked = self.config, self.config.teacher_start
        start = "" if asked == "scratch" else f" --teacher-start {asked}"
        return FileNotFoundError(
            f"expected a recorded teacher for {config.dataset} in {self.results.folder}, got none; "
            f"run `carto teacher --dataset {config.dataset}{start}`, or allow training"
        )

    def recorded_teachers(self) -> pd.DataFrame:
        """Return the rows of this data set's recorded teachers of the asked split and start."""
        return self._of_these_images(self._recorded())

    def _recorded(self) -> pd.DataFrame:
        """Return the rows of recorded teachers of the data set's name, the split and the start."""
        config, rows = self.config, self.results.teachers()
        asked = config.teacher_start
        if asked not in DATASETS:  # a recorded teacher's start tells which teacher of that it is
            asked = self.start("teacher", self.network("teacher")).label
        return rows[
            (rows["dataset"] == data.dataset_name(config.dataset))
            & (rows["split_seed"] == config.split_seed)
            & (rows["start"].map(start_name) == start_name(asked))
        ]

    def _candidates(self) -> pd.DataFrame:
        """Return the rows of the teachers that the parameter `teacher` allows."""
        config, spec, rows = self.config, self.network("teacher"), self._recorded()
        rates = [json.loads(recipe)["learning_rate"] for recipe in rows["recipe"]]
        if config.teacher != "best":
            rows, rates = rows[rows["network"] == spec.name], [config.teacher_learning_rate]
        recipes = [config.teacher_recipe(rate).to_json() for rate in rates]
        rows = self._of_these_images(rows[rows["recipe"].isin(recipes)])
        can_teach = rows["key"].map(self.results.has_logits).astype(bool)
        return rows[can_teach] if config.teacher == "best" and can_teach.any() else rows

    def _of_these_images(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the images' fingerprint; without `train` all, if they have one.

        Raises
        ------
        ValueError
            If they have several and the images are not there.
        """
        n = rows["fingerprint"].nunique()
        if not self.config.train and n < 2:
            return rows
        try:
            fingerprint = self.dataset.fingerprint
        except (OSError, ValueError) as error:
            if self.config.train:
                raise
            raise ValueError(
                f"{self.results.folder} holds teachers of {n} data sets named "
                f"{self.config.dataset}; only its images tell which are meant: {error}"
            ) from error
        return rows[rows["fingerprint"] == fingerprint]

    def student_run(self, teacher: "pd.Series[Any]", subset: SubsetSpec, seed: int) -> StudentRun:
        """Return one student's run; `seed` sets all that it draws."""
        spec = self.network("student")
        return StudentRun(
            dataset=teacher["dataset"],
            fingerprint=teacher["fingerprint"],
            teacher_key=teacher["key"],
            dynamics_sha256=teacher["dynamics_sha256"],
            student=self.student_name(),
            network=spec.name,
            start=self.start("student", spec).label,
            subset=subset,
            split_seed=self.config.split_seed,
            teacher_seed=int(teacher["teacher_seed"]),
            subset_seed=seed,
            student_seed=seed,
            recipe=self.config.student_recipe,
        )

    def unstarted(self, spec: models.NetworkSpec) -> nn.Module:
        """Return a network with some weights, for what does not depend on them."""
        return initialise(spec, Start(label="scratch"), self.dataset.train, seed=0)

    def footprint(self, spec: models.NetworkSpec) -> Footprint:
        """Return what training one such network takes in memory."""
        train, test = self.dataset.train, self.dataset.test
        return footprint(
            self.unstarted(spec),
            train.images,
            n_images=len(train) + len(test),
            batch_size=self.config.batch_size,
        )

    def tracker(self, run: TeacherRun | StudentRun) -> Tracker:
        """Return where the numbers of `run` are sent while it trains."""
        folder, facts = self.results.folder / "tracking", dataclasses.asdict(run)
        return open_tracker(self.config.tracker, folder, run.key(), facts)

    def engine(self, spec: models.NetworkSpec, role: str) -> Engine:
        """Return how this machine runs one network; a run that has begun keeps its own."""
        return choose_engine(spec.name, self.config.device, role=role)

    def resident(self, engine: Engine, teacher_key: str = "") -> dict[str, TrainingData]:
        """Return the splits train, val and test on the device, train with the teacher's logits."""
        # of engines that differ in these the data are the same
        engine = dataclasses.replace(engine, stacked=1, products=False, replayed=False)
        if engine not in self._resident:
            train, test, split = self.dataset.train, self.dataset.test, self.split
            parts = {"train": (train, split.train), "val": (train, split.validation)}
            self._resident[engine] = {  # one split's copy at a time beside it
                name: TrainingData(whole.images[at], whole.labels[at], engine)
                for name, (whole, at) in parts.items()
            }
            self._resident[engine]["test"] = TrainingData(test.images, test.labels, engine)
        splits = self._resident[engine]
        if self._taught.get(engine, "") != teacher_key:  # else a recorded step may read them still
            logits = self.results.logits(teacher_key).to(engine.device) if teacher_key else None
            splits["train"].teacher_logits = logits
            self._taught[engine] = teacher_key
        return splits
