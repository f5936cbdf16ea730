"""A forecaster watches a policy, ends its episodes, and gives a reward."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import make_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.agents.forecasters.base import Forecaster
from ravens_suite.core.forecast import Forecast
from ravens_suite.core.observations import Interface
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.data.outcomes import STOPPED, EpisodeOutcome
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.watching import WatchSummary, warned_at
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    MissingDataError,
    RavensError,
    ResetNeededError,
    UserCodeError,
)
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.forecast_reward import ForecastReward
from ravens_suite.rollout.kept_episodes import keep_failures
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.policy_code import code_of
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.rollout.watching import Watch, WatchSpec
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings
from ravens_suite.training.validation import Validator

TASK = "stack-block-pyramid"
SMALL = {"image_size": [48, 64]}


class Clock:
    """A forecaster that believes a block is placed with every action, and all of them after some."""

    def __init__(self, enough: int) -> None:
        self.enough, self.seen = enough, -1

    def reset(self, seed: int = 0) -> None:
        """Nothing was seen."""
        self.seen = -1

    def update(self, observation: Any, action: Mapping[str, Any] | None = None) -> Forecast:
        """What the clock says."""
        self.seen += 1
        assert (action is None) == (self.seen == 0)
        return Forecast(min(self.seen / 10, 1.0), 0.0, float(self.seen >= self.enough))


class Believer(Forecaster[None]):
    """A forecaster in a user's file that learns nothing, and believes that half is done."""

    name = "believer"
    config_type = make_dataclass("Config", [("steps", int, 1)], frozen=True)
    controls = ("primitive", "waypoint")

    def make_dataset(self, demonstrations: Any) -> None:
        """Nothing."""

    def fit_step(self, dataset: None, step: int) -> dict[str, float]:
        return {}

    def weights(self) -> dict[str, Any]:
        return {}

    def set_weights(self, weights: dict[str, Any]) -> None:
        """There are none."""

    training_state, set_training_state = weights, set_weights

    def reset(self, seed: int = 0) -> None:
        """Nothing to forget."""

    def update(self, observation: Any, action: Mapping[str, Any] | None = None) -> Forecast:
        return Forecast(0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("task", "observed"), [("block-insertion", "state"), ("block-insertion-continuous", "proprioception")]
)
def test_one_of_a_user_may_see_no_images_and_watch_way_points(task: str, observed: str) -> None:
    """Its training ended in an error when its steps were done, at the first validation scene with random actions."""
    environments = {task: {"arguments": {"observe": [observed]}}}
    with Validator(environments) as validator:
        scores = [validator(Believer(), "val", [seed]) for seed in (0, 1)]
    assert all(score is not None and 0 <= score <= 100 for score in scores)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecaster after one step of training."""
    folder = tmp_path_factory.mktemp("watching")
    collect(TASK, episodes=1, data=folder, arguments=SMALL)
    settings = TrainingSettings(steps=1, val_episodes=0, threads=1, device="cpu")
    config = {"width": 4, "batch": 1, "looks": 1, "precision": "float32"}
    train(
        TrainingPlan(agent="progress", tasks=(TASK,), demos=1, settings=settings, config=config), folder, folder / "p"
    )
    return folder / "p"


def outcome(failing: list[float], *, success: bool = False) -> EpisodeOutcome:
    said = tuple(Forecast(0.5, value, 0.0).to_json() for value in failing)
    steps = len(failing) - 1
    return EpisodeOutcome(0, float(success), success, steps, "done", rewards=(0.0,) * steps, forecasts=said)


@pytest.mark.parametrize(
    ("name", "words"),
    [("mine", "no forecaster named 'mine'.*RAVENS_SUITE_FORECASTERS"), ("transporter", "acts and does not watch")],
)
def test_weights_alone_of_a_forecaster_of_ones_own_are_not_taken_for_an_agents(
    tmp_path: Path, name: str, words: str
) -> None:
    write_json(tmp_path / "agent.json", {"agent": name})
    with pytest.raises(RavensError, match=words):
        WatchSpec.parse(str(tmp_path))


def test_it_sees_every_observation_and_may_end_the_episode() -> None:
    environment = make_environment(TASK, "train", SMALL)
    try:
        whole = roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Clock(1)))
        assert len(whole.forecasts) == whole.steps + 1
        ended = roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Clock(1), stop_at=0.5))
        assert (ended.outcome, ended.steps) == (STOPPED, 1)
        never = roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Clock(0), stop_at=0.5))
        assert (never.outcome, never.steps, never.success) == (STOPPED, 0, False)
    finally:
        environment.close()


def test_where_the_forecaster_ends_episodes_the_environment_does_not() -> None:
    environment = make_environment("block-insertion", "train", {"observe": ["state"], "ends_when_done": False})
    try:
        rollout = roll_out(environment, OraclePolicy(environment), 0, record=False)
        assert (rollout.steps, rollout.success) == (1, True)
        assert rollout.outcome.startswith("gave up")  # The oracle has nothing left to do, and nobody ended it.
        rollout = roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Clock(1), stop_at=0.5))
        assert (rollout.outcome, rollout.score, rollout.success) == (STOPPED, 1.0, True)
    finally:
        environment.close()
    with pytest.raises(ConfigError, match="ends_when_done must be one of True, False"):
        make_environment("block-insertion", "train", {"ends_when_done": 1})


def test_an_evaluation_notes_what_was_said_and_the_figures_stay(run: Path, tmp_path: Path) -> None:
    arguments = {**SMALL, "observe": ["state"]}
    alone = evaluate("oracle", TASK, episodes=2, arguments=arguments, out=tmp_path)
    assert alone.watching is None and "watching" not in alone.to_json()
    spec = WatchSpec.parse(str(run))
    watched = evaluate("oracle", TASK, episodes=2, arguments=arguments, watch=spec, out=tmp_path)
    assert (alone.path, watched.path) == (tmp_path / "test.json", tmp_path / "watched" / "p" / "test.json")
    assert watched.summary == alone.summary and watched.outcomes == alone.outcomes
    assert [len(each.forecasts) for each in watched.outcomes] == [each.steps + 1 for each in watched.outcomes]
    assert watched.to_json()["watching"]["episodes"] == 2
    noted = read_json(watched.path)
    code = code_of("progress")
    own = {"name": "progress", "fingerprint": spec.fingerprint, "stop_at": None, "code": code, "place": spec.place}
    assert noted["watch"] == own
    before = watched.path.read_bytes()
    again = evaluate("oracle", TASK, episodes=2, arguments=arguments, watch=spec, out=tmp_path)
    assert again.outcomes[1].forecasts == watched.outcomes[1].forecasts
    assert watched.path.read_bytes() == before
    # Each has a file of its own: neither moves the other's away, nor runs a seed again.
    before = alone.path.read_bytes()
    assert evaluate("oracle", TASK, episodes=2, arguments=arguments, out=tmp_path).outcomes == alone.outcomes
    assert alone.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock") == [
        "test.json",
        "test.json",
    ]


def test_what_a_forecaster_ended_lies_beside_what_it_did_not(run: Path, tmp_path: Path) -> None:
    spec = WatchSpec.parse(str(run), stop_at=1e-9)
    done = evaluate("oracle", TASK, episodes=1, arguments=SMALL, watch=spec, out=tmp_path)
    assert done.path == tmp_path / "stopped" / "p-1e-09" / "test.json"
    assert done.outcomes[0].outcome == STOPPED
    assert done.watching is not None and (done.watching.stopped, done.watching.stopped_solved) == (1, 0)
    assert read_json(done.path)["arguments"]["ends_when_done"] is False
    # What is kept to be looked at ended where the forecaster ended it.
    (kept,) = keep_failures(done)
    assert EpisodeReader(kept).summary.steps == done.outcomes[0].steps == 0


def test_what_copies_of_the_weights_of_two_forecasters_watched_lies_apart(run: Path, tmp_path: Path) -> None:
    names = []
    for name in ("first", "second"):
        copied = RunFolder(tmp_path / name)
        shutil.copytree(run, copied.path)
        shutil.copytree(copied.policy.path, copied.checkpoint(5).path)
        names.append(WatchSpec.parse(str(copied.checkpoint(5).path)).folder_name)
    assert names == ["first-00000005", "second-00000005"]


def test_what_two_forecasters_of_one_name_watched_lies_apart(run: Path, tmp_path: Path) -> None:
    specs = []
    for parent in ("first", "second"):
        copied = RunFolder(tmp_path / parent / "p")
        shutil.copytree(run, copied.path)
        settings = read_json(copied.policy.settings)
        write_json(copied.policy.settings, {**settings, "of": parent})
        specs.append(WatchSpec.parse(str(copied.path)))
    first, second = specs
    folder = tmp_path / "watched"
    assert first.folder_in(folder) == second.folder_in(folder) == folder / "p"  # Nobody has the name yet.
    write_json(folder / "p" / "test.json", {"watch": first.to_json()})
    assert first.folder_in(folder) == folder / "p"
    assert second.folder_in(folder) == folder / f"p-{second.place}"
    write_json(folder / f"p-{second.place}" / "test.json", {"watch": second.to_json()})
    (folder / "p" / "test.json").unlink()
    assert second.folder_in(folder) == folder / f"p-{second.place}", "it stays where it is"
    # What is trained on, or moved, is the same forecaster.
    write_json(folder / "p" / "test.json", {"watch": {**first.to_json(), "fingerprint": "of weights of before"}})
    assert first.folder_in(folder) == folder / "p"
    write_json(folder / "p" / "test.json", {"watch": {**first.to_json(), "place": "elsewhere"}})
    assert first.folder_in(folder) == folder / "p"
    # In a table of one's own each has a row.
    assert [replace(spec, stop_at=0.5).label for spec in specs] == [
        f"{tmp_path / parent / 'p'}-0.5" for parent in ("first", "second")
    ]


def test_an_evaluation_leaves_that_of_another_forecaster_of_its_name_alone(run: Path, tmp_path: Path) -> None:
    spec = WatchSpec.parse(str(run))
    other = {**spec.to_json(), "fingerprint": "other weights", "place": "elsewhere"}
    write_json(tmp_path / "watched" / "p" / "val.json", {"watch": other})
    done = evaluate("random", TASK, episodes=1, arguments=SMALL, watch=spec, out=tmp_path)
    assert done.path == tmp_path / "watched" / f"p-{spec.place}" / "test.json"


class Says(Clock):
    """A forecaster that says something once an action was taken, or raises it."""

    name = "mine"

    def __init__(self, said: Any) -> None:
        super().__init__(9)
        self.said = said

    def update(self, observation: Any, action: Mapping[str, Any] | None = None) -> Forecast:
        """What is said."""
        if action is None:
            return super().update(observation, action)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (None, ConfigError, "update of the forecaster mine returned None: let it return a Forecast"),
        (Forecast(50.0, 0.0, 0.0), ConfigError, r"mine said progress 50\.0: .* numbers from 0 to 1"),
        (Forecast(0.5, float("nan"), 0.0), ConfigError, "mine said failing nan"),
        (
            ValueError("no such thing"),
            UserCodeError,
            "update of the forecaster mine, after action 1, raised ValueError",
        ),
    ],
)
def test_what_a_forecaster_of_the_users_own_does_wrong_is_said_by_its_name(
    said: Any, error: type[Exception], words: str
) -> None:
    environment = make_environment(TASK, "train", {"observe": ["state"]})
    try:
        with pytest.raises(error, match=words):
            roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Says(said)))
        narrow = Forecast(*np.float32([1.0002, 0.25, 0.5]))
        noted = roll_out(environment, OraclePolicy(environment), 0, record=False, watch=Watch(Says(narrow))).forecasts
        assert noted[1] == Forecast(1.0, 0.25, 0.5) and all(type(value) is float for value in vars(noted[1]).values())
    finally:
        environment.close()


def test_the_reward_is_the_change_of_the_progress_that_is_seen(run: Path) -> None:
    environment = ForecastReward(make_environment(TASK, "train", SMALL), run)
    try:
        with pytest.raises(ResetNeededError):
            environment.step({})
        _, info = environment.reset(seed=0)
        first = info["forecast"]["progress"]
        action = environment.get_wrapper_attr("oracle_action")()
        _, reward, _, _, info = environment.step(action)
        assert reward == pytest.approx(info["forecast"]["progress"] - first, abs=1e-3)
        assert info["task_reward"] > 0
    finally:
        environment.close()


def test_an_episode_that_the_forecaster_ended_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(Clock(1), stop_at=0.5)
    monkeypatch.setattr(WatchSpec, "parse", lambda run, stop_at: SimpleNamespace(make=lambda interface: watch))
    environment = ForecastReward(make_environment(TASK, "train", SMALL), "run", stop_at=0.5)
    act = environment.get_wrapper_attr("oracle_action")
    try:
        for _ in range(2):
            environment.reset(seed=0)
            assert environment.step(act())[2]
            with pytest.raises(ResetNeededError, match="by the forecaster's word"):
                environment.step(act())
    finally:
        environment.close()


def test_a_specification_makes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(make=lambda interface: Watch(Clock(1), stop_at=0.5))
    monkeypatch.setattr(WatchSpec, "parse", lambda run, stop_at: made)
    first = ForecastReward(make_environment(TASK, "train", SMALL), "run", stop_at=0.5)
    assert first.spec is not None
    again = gymnasium.make(first.spec)
    try:
        again.reset(seed=0)
        assert "forecast" in again.step(again.get_wrapper_attr("oracle_action")())[-1]
    finally:
        first.close()
        again.close()


class Breaks(Clock):
    """Is interrupted at its first observation, or at a later one, once."""

    at: int | None = 0

    def update(self, observation: Any, action: Any = None) -> Forecast:
        """See ``Forecaster``."""
        forecast = super().update(observation, action)
        if self.at == (0 if action is None else 1):
            self.at = None
            raise KeyboardInterrupt
        return forecast


@pytest.mark.parametrize(("at", "why"), [(0, "last reset failed"), (1, "last action was broken off")])
def test_where_the_forecaster_was_interrupted_there_is_no_episode(
    at: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster = Breaks(9)
    forecaster.at = at
    made = SimpleNamespace(make=lambda interface: Watch(forecaster))
    monkeypatch.setattr(WatchSpec, "parse", lambda run, stop_at: made)
    environment = ForecastReward(make_environment(TASK, "train", SMALL), "run")
    try:
        with pytest.raises(KeyboardInterrupt):
            environment.reset(seed=0)
            environment.step(environment.get_wrapper_attr("oracle_action")())
        with pytest.raises(ResetNeededError, match=why):
            environment.step({})
        environment.reset(seed=0)
        assert "forecast" in environment.step(environment.get_wrapper_attr("oracle_action")())[-1]
    finally:
        environment.close()


@pytest.mark.parametrize(
    ("failing", "since"),
    [([0.1, 0.9, 0.9, 0.9, 0.1], 1), ([0.1, 0.9, 0.1, 0.9, 0.9], None), ([0.9, 0.9], None), ([0.9, 0.1, 0.1], 0)],
)
def test_a_warning_is_early_two_actions_before_the_end(failing: list[float], since: int | None) -> None:
    assert warned_at(outcome(failing)) == since


def test_the_summary_counts_failures_foreseen_and_false_alarms() -> None:
    episodes = [outcome([0.9, 0.9, 0.9]), outcome([0.1, 0.9, 0.9]), outcome([0.9, 0.9, 0.0], success=True)]
    summary = WatchSummary.of([*episodes, EpisodeOutcome(1, 1.0, True, 1, "done")])
    assert summary is not None
    assert (summary.episodes, summary.failed, summary.foreseen, summary.false_alarms) == (3, 2, 1, 1)
    assert summary.progress_error == pytest.approx(0.5)
    assert "1 of 2 failed episodes foreseen" in summary.describe()
    assert WatchSummary.of([]) is None


def test_a_forecaster_that_is_trained_meanwhile_is_not_taken_for_the_one_that_was_named(run: Path) -> None:
    spec = WatchSpec.parse(str(run))
    interface = Interface.from_json(read_json(RunFolder(run).policy.settings)["interface"])
    assert spec.make(interface).forecaster.name == spec.name
    with pytest.raises(ConflictError, match="have changed since this command began"):
        replace(spec, fingerprint="of other weights").make(interface)


def test_what_does_not_watch_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="no trained agent"):
        WatchSpec.parse(str(tmp_path))
    with pytest.raises(ConfigError, match="--stop-at is a probability"):
        WatchSpec.parse(str(run), stop_at=1.5)
    with pytest.raises(ConfigError, match=r"progress is a forecaster.*--watch RUN"):
        evaluate(str(run), TASK, episodes=1)
    settings = RunFolder(run).policy.settings
    other = tmp_path / "agent"
    other.mkdir()
    (other / "agent.json").write_text(settings.read_text().replace('"progress"', '"state-mlp"'))
    (other / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ConfigError, match="acts and does not watch"):
        WatchSpec.parse(str(other))


def of_ones_own(run: Path, folder: Path) -> RunFolder:
    """The same run of a forecaster in a file of the user's own."""
    own, code = RunFolder(folder / "own"), folder / "mine.py"
    code.write_text(
        "from ravens_suite.agents.forecasters.progress import Progress\n\n\nclass Mine(Progress):\n    name = 'mine'\n"
    )
    shutil.copytree(run, own.path)
    record = own.record()
    own.write_record({**record, "plan": {**record["plan"], "agent": f"{code}:Mine"}})
    own.policy.settings.write_text(own.policy.settings.read_text().replace('"agent": "progress"', '"agent": "mine"'))
    return own


def test_one_of_the_users_own_is_told_that_it_watches(run: Path, tmp_path: Path) -> None:
    own = of_ones_own(run, tmp_path)
    code = tmp_path / "mine.py"
    assert WatchSpec.parse(str(own.path)).name == f"{code}:Mine"
    with pytest.raises(ConfigError, match=r"Mine is a forecaster.*--watch RUN"):
        evaluate(str(own.path), TASK, episodes=1)


def test_what_one_was_told_in_training_it_is_told_again(run: Path, tmp_path: Path) -> None:
    own = of_ones_own(run, tmp_path)
    settings = read_json(own.policy.settings)
    settings["interface"]["observation"]["instruction"] = {"dtype": "str", "shape": []}
    write_json(own.policy.settings, settings)
    code = tmp_path / "mine.py"
    code.write_text(
        f"{code.read_text()}    conditions = ('instruction',)\n\n    def update(self, observation, action=None):\n"
        "        assert 'block' in observation['instruction']\n        return super().update(observation, action)\n"
    )
    spec = WatchSpec.parse(str(own.path))
    done = evaluate("random", TASK, episodes=1, arguments={"image_size": [48, 64]}, watch=spec, out=tmp_path / "out")
    assert done.plan.arguments["observe"] == ["images", "instruction"] and done.outcomes[0].forecasts
    with pytest.raises(ConfigError, match="no 'instruction': observe them"):
        ForecastReward(make_environment(TASK, "train", SMALL), own.path)


def test_what_one_of_the_users_own_said_before_a_change_of_its_code_is_not_reused(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = of_ones_own(run, tmp_path)
    environment = {"image_size": [48, 64]}

    def watched(force: bool = False) -> int:
        """How many outcomes were there already."""
        seen: list[int] = []
        evaluate(
            "random",
            TASK,
            episodes=1,
            arguments=environment,
            watch=WatchSpec.parse(str(own.path)),
            out=tmp_path / "out",
            force=force,
            on_progress=lambda done, total, note="": seen.append(done),
        )
        return seen[0]

    assert [watched(), watched()] == [0, 1]
    code = tmp_path / "mine.py"
    code.write_text(f"{code.read_text()}\n    def reset(self, seed=0):\n        super().reset(seed)\n")
    assert watched(force=True) == 1
    assert not caplog.records
    assert watched() == 0
    assert "of the forecaster before a change of its code" in caplog.text
