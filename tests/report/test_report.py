"""The report's numbers, pictures and page, without a simulator: a written run, a made-up episode."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.benchmark.published import comparable_scores
from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.errors import ConflictError, MissingDataError
from ravens_suite.report import sections, tables
from ravens_suite.report.charts import Series, line_chart
from ravens_suite.report.page import ReportPlan, write_report
from ravens_suite.report.runs import find_runs
from ravens_suite.report.seeds import seeds_rows
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.replay import Decision, Replay
from ravens_suite.rollout.rollout import Rollout
from tests.report.written_runs import write_run

_VOID = {"meta", "link", "img", "br", "input"}


def _episode(score: float = 1.0, frames: int = 40, actions: int = 1) -> Replay:
    rng = np.random.default_rng(0)
    color = np.full((320, 160, 3), 60, np.uint8)
    height = np.zeros((320, 160), np.float32)
    height[100:120, 50:90] = 0.04
    heat = np.exp(-rng.random((320, 160)))
    decision = Decision(
        {"color": color, "height": height, "pick": heat, "place": heat},
        Action(Pose.planar(0.45, -0.16), Pose.planar(0.6, 0.2, 0.0, 1.0)).to_dict(),
    )
    rollout = Rollout(0, actions=[{}], rewards=[score], infos=[{}, {"success": score > 0.99}])
    pictures = tuple(np.full((480, 640, 3), 10 + 4 * index, np.uint8) for index in range(frames))
    return Replay(rollout, (decision,) * actions, pictures)


@pytest.fixture
def _replayed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def replay(policy: PolicySpec, task: str, seeds: list[int], **options: Any) -> dict[int, Replay]:
        calls.append({"task": task, "seeds": list(seeds), "film": options["film"]})
        return {seed: _episode() for seed in seeds}

    monkeypatch.setattr(sections, "replay", replay)
    return calls


class _Page(HTMLParser):
    """Checks that elements nest, and collects what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "poster", "srcset")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _parse(path: Path) -> tuple[_Page, str]:
    text = path.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert not page.open
    return page, text


@pytest.mark.usefixtures("_replayed")
def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    done = write_report(tmp_path)
    page, text = _parse(done.path)
    assert done.path == tmp_path / "report.html"
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    assert not re.search(r"url\(|@import|<script", text)
    assert page.tags.count("video") == 4
    assert done.size < 3e6


@pytest.mark.usefixtures("_replayed")
def test_a_page_says_every_comparable_figure_of_its_row(tmp_path: Path) -> None:
    write_run(tmp_path / "run", task="align-box-corner", demos=10)
    _, text = _parse(write_report(tmp_path).path)
    known = [row for row in comparable_scores() if (row.task, row.demos) == ("align-box-corner", 10)]
    assert len(known) >= 5
    for row in known:
        assert row.agent in text
        assert re.search(rf"<td[^>]*>{row.score:.1f}</td>", text)


def test_names_are_escaped_and_machine_paths_are_cut(tmp_path: Path, _replayed: list[dict[str, Any]]) -> None:
    write_run(tmp_path / "run")
    _, text = _parse(write_report(tmp_path).path)
    assert "<block>" not in text
    assert "&lt;block&gt;" in text
    assert "/x/y/" not in text


def test_failures_are_the_worst_of_every_run_in_turn(tmp_path: Path, _replayed: list[dict[str, Any]]) -> None:
    write_run(tmp_path / "a", demos=1, failed=5)
    write_run(tmp_path / "b", demos=10, failed=1)
    write_report(tmp_path, plan=ReportPlan(films=1, scenes=0, failures=4))
    assert _replayed == [
        {"task": "block-insertion", "seeds": [0], "film": True},
        {"task": "block-insertion", "seeds": [0, 1, 2], "film": False},
        {"task": "block-insertion", "seeds": [0], "film": False},
    ]


@pytest.mark.usefixtures("_replayed")
def test_a_failure_is_shown_with_every_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "run", failed=1)
    wanted = []

    def replay(policy: PolicySpec, task: str, seeds: list[int], **options: Any) -> dict[int, Replay]:
        wanted.append(options["every"])
        return {seed: _episode(0.25, frames=5, actions=4) for seed in seeds}

    monkeypatch.setattr(sections, "replay", replay)
    _, text = _parse(write_report(tmp_path, plan=ReportPlan(films=0, scenes=0, failures=1)).path)
    assert wanted == [True]
    for number in (1, 2, 3, 4):
        assert f"Before action {number}" in text
        assert f"Where to pick, action {number}" in text
        assert f"Where to place, action {number}" in text
    assert "Before action 5" not in text


def test_films_are_of_failures_first_the_worst_of_all_before_them(
    tmp_path: Path, _replayed: list[dict[str, Any]]
) -> None:
    run = write_run(tmp_path / "run", failed=2)
    value = json.loads((run / "eval" / "test.json").read_text())
    value["results"][7] |= {"success": False, "score": 0.1}
    (run / "eval" / "test.json").write_text(json.dumps(value))
    write_report(tmp_path, plan=ReportPlan(films=4, scenes=1, failures=0))
    assert _replayed[0] == {"task": "block-insertion", "seeds": [7, 0, 1, 2], "film": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"definition": {"goals": "others"}}, "its evaluation was made of another block-insertion"),
        ({"policy": {"kind": "agent", "name": "transporter", "fingerprint": "old"}}, "of other weights than the run"),
    ],
)
def test_a_stale_evaluation_is_named_and_not_shown_in_pictures(
    tmp_path: Path, _replayed: list[dict[str, Any]], changes: dict[str, Any], said: str
) -> None:
    run = write_run(tmp_path / "run")
    value = json.loads((run / "eval" / "test.json").read_text())
    (run / "eval" / "test.json").write_text(json.dumps(value | changes))
    (run / "policy").mkdir()
    (run / "policy" / "agent.json").write_text("{}")
    (run / "policy" / "weights.safetensors").write_bytes(b"")
    _, text = _parse(write_report(tmp_path).path)
    assert said in text
    assert "Scores of something else than there is now: block-insertion, transporter, 10 demos, seed 0: its" in text
    assert "valuate it again." in text
    assert _replayed == []


@pytest.mark.usefixtures("_replayed")
def test_a_run_on_several_tasks_counts_once(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", demos=3)
    record = json.loads((run / "run.json").read_text())
    record["plan"]["tasks"] = ["block-insertion", "align-rope"]
    (run / "run.json").write_text(json.dumps(record))
    write_run(tmp_path / "other", demos=3)
    record["training"]["seconds"], record["plan"]["tasks"] = 1.0, ["align-rope"]
    (tmp_path / "other" / "run.json").write_text(json.dumps(record))
    report = write_report(tmp_path, plan=ReportPlan(films=0, scenes=0, failures=0))
    assert report.runs == 2 and set(report.tasks) == {"block-insertion", "align-rope"}
    _, text = _parse(report.path)
    assert "2 policies, evaluated on unseen test scenes." in text
    assert "<b>31 s</b><span>time to train</span><span>mean of the runs</span>" in text, "61 s and 1 s, each once"


def test_a_run_that_cannot_be_run_again_is_passed_over(
    tmp_path: Path, _replayed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "a", demos=1)
    old = write_run(tmp_path / "b", demos=10)
    real = sections.replay

    def replay(policy: PolicySpec, *more: Any, **options: Any) -> dict[int, Replay]:
        if policy.folder == str(old / "policy"):
            raise ConflictError(f"{old} is of another version.")
        return real(policy, *more, **options)

    monkeypatch.setattr(sections, "replay", replay)
    _, text = _parse(write_report(tmp_path, plan=ReportPlan(films=1, scenes=1, failures=4)).path)
    assert "No pictures of transporter, 10 demos, seed 0: b is of another version." in text
    assert "Shown: transporter, 1 demo, seed 0." in text
    assert "4 of 40 test episodes of 2 runs ended with a goal not met; shown: 2, the worst" in text


def test_without_a_single_run_that_can_be_run_again_the_page_still_has_the_scores(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write_run(tmp_path / "a")
    page, text = _parse(write_report(tmp_path).path)
    assert "No pictures of transporter, 10 demos, seed 0: There is no " in text
    assert "shown: none" in text and "92.5" in text
    assert str(tmp_path) not in text and "video" not in page.tags


def test_a_film_that_went_otherwise_than_the_evaluation_says_so(
    tmp_path: Path, _replayed: list[dict[str, Any]]
) -> None:
    write_run(tmp_path / "run", failed=1)
    _, text = _parse(write_report(tmp_path, plan=ReportPlan(films=2, scenes=0, failures=0)).path)
    assert text.count("when evaluated") == 1 and "25.0 when evaluated" in text


@pytest.mark.usefixtures("_replayed")
def test_a_run_without_a_test_score_is_named(tmp_path: Path) -> None:
    (write_run(tmp_path / "run") / "eval" / "test.json").unlink()
    page, text = _parse(write_report(tmp_path).path)
    assert "Nothing was evaluated on test scenes yet (ravens-suite evaluate): block-insertion, transporter, 10" in text
    assert "Not evaluated on test scenes yet" in text
    assert "video" not in page.tags


@pytest.mark.usefixtures("_replayed")
def test_a_page_does_not_say_who_demonstrated_what_a_robot_recorded(tmp_path: Path) -> None:
    page = write_report(write_run(tmp_path / "run")).path.read_text()
    assert "Learnt from 10 demonstrations, evaluated on 20 unseen test scenes." in page


@pytest.mark.usefixtures("_replayed")
def test_a_damaged_evaluation_is_left_out_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (write_run(tmp_path / "run") / "eval" / "test.json").write_text("{")
    write_report(tmp_path)
    assert "test.json" in caplog.text


def test_a_folder_without_runs_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="ravens-suite train"):
        write_report(tmp_path)


def test_an_evaluation_on_a_task_that_a_run_did_not_learn_is_shown_as_that(
    tmp_path: Path, _replayed: list[dict[str, Any]]
) -> None:
    folder = write_run(tmp_path / "run", failed=0)
    value = json.loads((folder / "eval" / "test.json").read_text())
    other = {**value, "task": "build-pallet"}
    (folder / "eval" / "build-pallet-test.json").write_text(json.dumps(other))
    (folder / "weakspots").mkdir()
    (folder / "weakspots" / "block-insertion-search.json").write_text("{}")
    (folder / "probes").mkdir()
    (folder / "probes" / "language-test-packing-shapes.json").write_text("{}")
    plain, pallet, probed = sorted(find_runs(tmp_path), key=lambda run: run.task)
    assert (plain.task, plain.elsewhere, plain.validation.x.tolist()) == ("block-insertion", "", [200, 400])
    assert (pallet.task, pallet.elsewhere, len(pallet.validation.x)) == ("build-pallet", "block-insertion", 0)
    assert pallet.label == "transporter, 10 demos of block-insertion, seed 0"
    assert (probed.task, probed.test) == ("packing-shapes", None)
    table = tables.score_table([plain, pallet])
    assert [row.agent for row in table.rows] == ["transporter", "transporter, trained on block-insertion"]
    assert not table.means, "over what was trained alike alone"
    assert [row["task"] for row in tables.training_rows([plain, pallet])] == ["block-insertion"]
    _, text = _parse(write_report(tmp_path).path)
    assert "transporter, trained on block-insertion" in text
    assert {call["task"] for call in _replayed} == {"block-insertion", "build-pallet"}


def test_every_structure_of_ones_own_is_shown_as_one_of_its_own(
    tmp_path: Path, _replayed: list[dict[str, Any]]
) -> None:
    folder = write_run(tmp_path / "run", failed=0)
    value = json.loads((folder / "eval" / "test.json").read_text())
    gates = [[[0, 0, 0], [0, 1, 0], [0, 0.5, 1]], [[0, 0, layer] for layer in range(9)]]
    for name, gate in zip(("a", "b"), gates, strict=True):
        (folder / "eval" / "options" / name).mkdir(parents=True)
        other = {**value, "task": "build", "options": {"structure": gate}, "arguments": {"structure": gate}}
        (folder / "eval" / "options" / name / "build-test.json").write_text(json.dumps(other))
    for name, gate in (("d", [[0, 0, 0]]), ("e", [[0, 1, 0]])):
        kind = ("robustness/build/test/nominal.json", "probes/language-test-build.json")[name == "e"]
        path = folder / "eval" / "options" / name / kind
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"options": {"structure": gate}}))
    (folder / "eval" / "options" / "c").mkdir()
    easier = {**value, "options": {"variant": "easy"}}
    (folder / "eval" / "options" / "c" / "test.json").write_text(json.dumps(easier))
    plain, easy, long, gate, measured, probed = sorted(find_runs(tmp_path), key=lambda run: (run.task, run.title))
    assert (measured.title, measured.elsewhere) == ("build, structure [[0, 0, 0]]", "block-insertion")
    assert (probed.title, probed.test) == ("build, structure [[0, 1, 0]]", None)
    assert gate.title == "build, structure [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]"
    assert long.title.startswith("build, structure [[0, 0, 0], [0, 0, 1], ") and "... (" in long.title
    assert (easy.title, easy.elsewhere) == ('block-insertion, variant "easy"', "other options")
    rows = tables.score_table([plain, easy]).rows
    assert [row.best_published is not None for row in rows] == [True, False], "nobody published one of other options"
    assert len(tables.training_rows([plain, easy, long, gate])) == 1
    _, text = _parse(write_report(tmp_path).path)
    assert all(run.title in html.unescape(text) for run in (easy, long, gate))


def test_a_chart_drops_what_is_not_finite_and_keeps_inside_its_frame() -> None:
    x = np.arange(1000, dtype=np.float64)
    y = np.where(x % 7 == 0, np.nan, x)
    svg = line_chart([Series("a & b", x, y).smoothed(), Series("b", x, x)], x_label="x", y_label="y")
    assert "nan" not in svg
    assert "a &amp; b" in svg
    points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[\d.]+,[\d.]+", svg)]
    assert all(0 <= px <= 560 and 0 <= py <= 250 for px, py in points)
    assert len(points) <= 240 + 1000


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.2], ["0", "0.25", "0.5", "0.75", "1"]),
        ([0.951, 0.994], ["0.96", "0.97", "0.98", "0.99"]),
        ([-0.12, 0.03], ["-0.1", "-0.05", "0"]),
        ([0.0, 12_000.0], ["0", "2,500", "5,000", "7,500", "10k"]),
    ],
)
def test_a_tick_of_a_chart_says_its_whole_value(values: list[float], ticks: list[str]) -> None:
    line = Series("a", np.array([0.0, 5.0]), np.array(values))
    svg = line_chart([line], x_label="x", y_label="y")
    assert re.findall(r'text-anchor="end">([^<]*)<', svg) == ticks


def test_a_chart_of_nothing_is_nothing() -> None:
    assert line_chart([Series("a", np.zeros(0), np.zeros(0))], x_label="x", y_label="y") == ""


def test_any_policy_has_a_page(tmp_path: Path) -> None:
    """The oracle is evaluated and reported as agents are."""
    evaluate("oracle", "block-insertion", episodes=2, out=tmp_path / "oracle")
    _, text = _parse(write_report(tmp_path, plan=ReportPlan(films=0, scenes=0, failures=1)).path)
    assert "oracle on block-insertion" in text and "Evaluated on 2 test scenes." in text
    assert "100.0 %" in text and "None: all 2 test episodes" in text


@pytest.mark.usefixtures("_replayed")
def test_runs_of_several_seeds_have_a_mean_and_a_spread(tmp_path: Path) -> None:
    for seed, failed in enumerate((0, 4, 8)):
        write_run(tmp_path / str(seed), failed=failed, seed=seed)
    write_run(tmp_path / "other", demos=1, failed=20)
    (row,) = seeds_rows(tables.score_table(find_runs(tmp_path)).rows)
    assert (row.task, row.demos, row.agent, row.seeds) == ("block-insertion", 10, "transporter", (0, 1, 2))
    assert (row.mean_score, row.score_deviation) == (pytest.approx(85), pytest.approx(15))
    assert (row.success_rate, row.success_deviation) == (pytest.approx(80), pytest.approx(20))
    _, text = _parse(write_report(tmp_path).path)
    assert "85.0 ± 15.0" in text and "80.0 ± 20.0 %" in text


@pytest.mark.usefixtures("_replayed")
def test_scenes_without_room_are_told_and_count_in_no_figure(tmp_path: Path) -> None:
    def without_room(folder: Path, count: int) -> None:
        """Of the first scenes, which lie where failed ones would."""
        path = folder / "eval" / "test.json"
        value = json.loads(path.read_text())
        outcomes = [EpisodeOutcome.from_json(row) for row in value["results"]]
        none = [EpisodeOutcome(seed, 0.0, False, 0, "not placed: No room.") for seed in range(count)]
        outcomes = [*none, *outcomes[count:]]
        rows = [outcome.to_json() for outcome in outcomes]
        path.write_text(json.dumps({**value, **Summary.of(outcomes).to_json(), "results": rows}))

    for seed, (failed, count) in enumerate(((4, 0), (8, 4), (20, 20))):
        without_room(write_run(tmp_path / str(seed), failed=failed, seed=seed), count)
    rows = tables.score_table(find_runs(tmp_path)).rows
    assert [(row.figures.episodes, row.figures.not_placed) for row in rows] == [(20, 0), (16, 4), (0, 20)]
    (over,) = seeds_rows(rows)
    assert (over.seeds, over.success_rate) == ((0, 1), pytest.approx((80 + 75) / 2))
    _, text = _parse(write_report(tmp_path).path)
    assert "4 more without room" in text and "8 of 36 test episodes of 3 runs ended with a goal not met" in text


@pytest.mark.parametrize(
    ("agents", "title"),
    [(["a"], "a on t"), (["a", "b", "a"], "a and b on t"), (["a", "b", "c"], "a, b and c on t")],
)
def test_the_title_lists_the_agents(agents: list[str], title: str) -> None:
    from types import SimpleNamespace

    from ravens_suite.report.page import _title

    assert _title([SimpleNamespace(agent=agent, title="t") for agent in agents]) == title  # type: ignore[misc]


def test_a_page_that_cannot_be_written_is_refused_before_any_episode_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "run")
    (tmp_path / "file").touch()
    monkeypatch.setattr("ravens_suite.report.page.make_section", lambda *_, **__: pytest.fail("an episode is run"))
    with pytest.raises(NotADirectoryError):
        write_report(run, tmp_path / "file" / "page.html")
    with pytest.raises(IsADirectoryError):
        write_report(run, tmp_path)
