"""The paper's claims, one by one: where each stands, how it is tested, and on what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pandas as pd

from carto_helpers.claims import map_claims, score_claims, teacher_claims
from carto_helpers.claims.claim_cells import (
    CHOSEN,
    MIXES,
    RANDOM,
    SIZES,
    WHOLE,
    Cell,
    cell,
    subset_labels,
)
from carto_helpers.claims.verdicts import Finding, unknown
from carto_helpers.comparison import published_scores
from carto_helpers.config import FAMILIES
from carto_helpers.doubts import told
from carto_helpers.findings.chosen_rows import (
    PAPERS_DATASETS,
    chosen_students,
    chosen_teachers,
    paper_teachers,
)
from carto_helpers.findings.doubted_rows import with_doubts
from carto_helpers.findings.teacher_map import TeacherMap, recorded_maps, strengths, teacher_map
from carto_helpers.records import Results, published

Place = tuple[str, str]  # data set, student


class Evidence:
    """What claims are tested on: a record and the paper's tables.

    Of the paper's data sets it takes the rows that the book's tables show, of one teacher each and
    by the paper's recipe; of any other all rows.

    Parameters
    ----------
    results
        The record.
    paper
        Folder of the paper's tables; default: the repository's.
    start
        Of the teachers that are taken; default: of each data set whichever the tables show.
    """

    def __init__(
        self, results: Results, paper: Path | None = None, start: str | None = None
    ) -> None:
        self.results, self._start = results, start
        teachers = results.teachers()
        is_paper = teachers["key"].isin(paper_teachers(results)["key"])
        is_other = ~teachers["dataset"].isin(PAPERS_DATASETS)
        self.teachers = with_doubts(results, teachers[is_paper | is_other])
        self._chosen = chosen_teachers(results, start)
        students = results.students()
        others = with_doubts(results, students[~students["dataset"].isin(PAPERS_DATASETS)])
        shown = [rows for rows in (chosen_students(results, start), others) if len(rows)]
        self.students = pd.concat(shown, ignore_index=True) if shown else students
        self._paper = {n: published_scores(published(n, paper)) for n in _TABLES}
        self.map = cache(self._map)
        self.strengths = cache(self._strengths)

    def paper(self, table: str, dataset: str, student: str) -> dict[str, float]:
        """Return the scores that one of the paper's tables prints for a student, by subset."""
        rows = self._paper[table]
        rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
        return dict(zip(subset_labels(rows), rows["paper"].astype(float), strict=True))

    def mapped(self, dataset: str) -> list[str]:
        """Return the key of a data set's chosen teacher, none if its dynamics are not recorded.

        Where none is by the paper's recipe, the strongest serves, unless a start is asked for.
        """
        kept = recorded_maps(self.results, dataset)
        chosen = self._chosen.loc[self._chosen["dataset"] == dataset, "key"].tolist()
        if not chosen and self._start is None:
            chosen = kept
        return [key for key in chosen[:1] if key in kept]

    def doubts(self, column: str, values: Sequence[str]) -> str:
        """Return the marks of the teachers whose `column` is among `values`, "" for none."""
        rows = self.teachers[self.teachers[column].isin(values)]
        return told(list(rows["doubts"]))

    def _map(self, dataset: str) -> TeacherMap | None:
        return next((teacher_map(self.results, key) for key in self.mapped(dataset)), None)

    def _strengths(self, dataset: str) -> pd.DataFrame:
        kept = recorded_maps(self.results, dataset)
        return strengths(self.results, [key for key in kept if key in set(self.teachers["key"])])


Find = Callable[[Evidence, Sequence[str]], list[Finding]]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper: its words in ours, where they stand, how it is tested."""

    name: str
    where: str
    test: str
    find: Find


_TABLES: Mapping[str, tuple[str, ...]] = {
    "table3_phase1": (RANDOM, *CHOSEN),
    "table4_phase2": (RANDOM, *MIXES),
    "table5_phase3": (*SIZES, WHOLE),
}


def _scores(
    table: str,
    test: Callable[[Cell], Finding],
    *,
    datasets: Sequence[str] = PAPERS_DATASETS,
    exceptions: Callable[[Place], bool] = lambda _: False,
    instead: Callable[[Cell], Finding] | None = None,
) -> Find:
    """Return the test of a claim about scores on `datasets`, with all three students.

    In the places of `exceptions` the test is `instead`. A data set that is not the paper's is
    tested as every other.
    """

    def find(evidence: Evidence, asked: Sequence[str]) -> list[Finding]:
        found = []
        for place in _places(asked, datasets):
            paper = evidence.paper(table, *place)
            here = cell(evidence.students, *place, names=_TABLES[table], paper=paper)
            finding = (instead if instead and exceptions(place) else test)(here)
            found.append(replace(finding, doubts=here.doubts))
        return found

    return find


def _places(asked: Sequence[str], datasets: Sequence[str]) -> list[Place]:
    names = [name for name in asked if name in datasets or name not in PAPERS_DATASETS]
    return [(name, student) for name in names for student in FAMILIES]


def _maps(test: Callable[[TeacherMap], Finding], datasets: Sequence[str] = PAPERS_DATASETS) -> Find:
    def find(evidence: Evidence, asked: Sequence[str]) -> list[Finding]:
        names = [name for name in asked if name in datasets or name not in PAPERS_DATASETS]
        maps = {name: evidence.map(name) for name in names}
        return [
            unknown(name, "teacher", "no teacher's dynamics are recorded")
            if found is None
            else replace(test(found), doubts=evidence.doubts("key", evidence.mapped(name)))
            for name, found in maps.items()
        ]

    return find


def _strength(test: Callable[[pd.DataFrame, str], Finding]) -> Find:
    return lambda evidence, asked: [
        replace(test(evidence.strengths(name), name), doubts=evidence.doubts("dataset", [name]))
        for name in asked
    ]


def _teachers(test: Callable[[pd.DataFrame, str], Finding]) -> Find:
    return lambda evidence, asked: [
        replace(test(evidence.teachers, name), doubts=evidence.doubts("dataset", [name]))
        for name in asked
    ]


def _is_papers_exception(place: Place) -> bool:
    return place[0] == "mnist" or place == ("cifar100", "mobilenet")


_EACH = "paired t of random minus each"

CLAIMS = (
    Claim(
        name="random beats every dynamics-informed 33 % subset",
        where="section 3.3.2, table 3",
        test=_EACH,
        find=_scores("table3_phase1", score_claims.random_beats_rankings, datasets=["cifar10"]),
    ),
    Claim(
        name="high-correctness comes closest to random",
        where="section 3.3.2, table 3",
        test="paired t of how much further from random each other subset's score lies",
        find=_scores(
            "table3_phase1", score_claims.high_correctness_comes_closest, datasets=["cifar10"]
        ),
    ),
    Claim(
        name="no mix beats random, but on MNIST and for MobileNet on CIFAR-100",
        where="section 3.3.2, table 4",
        test=f"{_EACH}; for the exceptions: of each mix minus random, one is enough",
        find=_scores(
            "table4_phase2",
            score_claims.random_beats_mixes,
            exceptions=_is_papers_exception,
            instead=score_claims.a_mix_beats_random,
        ),
    ),
    Claim(
        name="random is the median approach on MNIST",
        where="section 3.3.2, table 4",
        test="fourth or fifth of eight; the interval of random minus the others' median holds 0",
        find=_scores("table4_phase2", score_claims.random_is_median, datasets=["mnist"]),
    ),
    Claim(
        name="nearly all of MNIST is easy-to-learn",
        where="section 3.3.2, figure 2",
        test="share nearest to the anchor; holds if its interval lies above 0.9",
        find=_maps(map_claims.nearly_all_easy, ["mnist"]),
    ),
    Claim(
        name="returns diminish above half the data",
        where="section 3.3.2, table 5",
        test="paired t of the gain from 10 to 55 % minus that from 55 to 100 %",
        find=_scores("table5_phase3", score_claims.returns_diminish),
    ),
    Claim(
        name="a fraction of the data is competitive",
        where="section 1.2, figure 3",
        test="paired t of the score on 55 % minus 0.95 times that on all",
        find=_scores("table5_phase3", score_claims.a_fraction_is_competitive),
    ),
    Claim(
        name="stronger networks map more examples as easy-to-learn",
        where="appendix E",
        test="rank correlation of validation F1 and share, over teachers, one-sided",
        find=_strength(teacher_claims.stronger_means_easier),
    ),
    Claim(
        name="stronger networks leave fewer at low variability and middle confidence",
        where="appendix E",
        test="rank correlation of validation F1 and share, over teachers, one-sided",
        find=_strength(teacher_claims.stronger_means_decisive),
    ),
    Claim(
        name="ambiguous examples start wrong and are learnt",
        where="appendix D",
        test="share wrong after the first epoch and right after the last, of the examples nearest "
        "to the anchor; interval above 0.5",
        find=_maps(map_claims.ambiguous_are_learnt),
    ),
    Claim(
        name="hard-to-learn examples are often mislabelled",
        where="appendix D",
        test="none: it needs labels that people checked",
        find=_maps(map_claims.hard_are_mislabelled),
    ),
    Claim(
        name="easy-to-learn spreads less than high-correctness, and that less than random",
        where="section 3.3.2, appendix C",
        test="difference of mean distances from the subset's centre, over examples",
        find=_maps(map_claims.easy_spreads_less),
    ),
    Claim(
        name="random subsets carry the richer soft labels",
        where="section 3.3.2",
        test="difference of mean entropies, random minus each of 11 subsets, over examples",
        find=_maps(map_claims.random_has_richer_labels),
    ),
    Claim(
        name="pre-trained teachers win the grid",
        where="section 3.3.1",
        test="paired t of validation F1, pre-trained minus scratch, over settings",
        find=_teachers(teacher_claims.pretrained_wins),
    ),
    Claim(
        name="recording the dynamics adds little to the teacher's training",
        where="section 2.3",
        test="share of the teacher's time; holds if its interval lies below 0.1",
        find=_teachers(teacher_claims.dynamics_add_little),
    ),
)
