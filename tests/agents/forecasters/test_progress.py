"""The forecaster: it learns, it watches a step at a time as it learned all at once, it is kept and resumed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.base import config_from_json
from ravens_suite.agents.forecasters.progress import Progress
from ravens_suite.agents.forecasters.progress.episodes import (
    WatchedEpisode,
    draw_batch,
    expected_views,
    make_batch,
)
from ravens_suite.agents.forecasters.progress.forecaster import ProgressConfig
from ravens_suite.agents.forecasters.progress.views import View, poses_of
from ravens_suite.core.forecast import scores_of, stages_of
from ravens_suite.core.observations import ArraySpec, Interface
from ravens_suite.core.source_digest import digest_of_files, imported_files
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, MissingDataError
from ravens_suite.registry import forecaster_names, load_agent, load_forecaster, load_trainee, source_of
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.policy_code import code_of
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings
from tests.agents.scenes import insertion

TASK = "block-insertion"
SMALL = {"width": 4, "batch": 2, "looks": 1, "precision": "float32"}
LOOKS = np.array([0])


class KilledError(Exception):
    """Stands for a kill -9: nothing in the library catches it."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two demonstrations, and beside them two episodes with random actions."""
    folder = tmp_path_factory.mktemp("data")
    arguments = {"image_size": [48, 64]}
    collect(TASK, episodes=2, data=folder / "shown", arguments=arguments)
    collect(TASK, episodes=2, data=folder / "tried", policy="explore", arguments=arguments)
    return folder


def plan(data: Path, steps: int = 3, val_episodes: int = 0, **config: Any) -> TrainingPlan:
    settings = TrainingSettings(steps=steps, val_episodes=val_episodes, threads=1, device="cpu")
    config = {**SMALL, "more_data": [str(data / "tried")], **config}
    return TrainingPlan(agent="progress", tasks=(TASK,), demos=2, settings=settings, config=config)


def episode(seed: int, *, fails: bool) -> tuple[WatchedEpisode, dict[str, Any]]:
    """One action on a drawn scene: the one that solves it, after which the block may still be where it was."""
    rng = np.random.default_rng(seed)
    scene = insertion(rng)
    action = scene.oracle(rng)
    end = scene.start if fails else scene.after(action)
    rewards = [0.0 if fails else 1.0]
    views = tuple(View.of(scene.draw(pose)) for pose in (scene.start, end))
    scores, stages = np.array(scores_of(rewards), np.float32), np.array(stages_of(rewards), np.int64)
    return WatchedEpisode(views, poses_of(action.to_dict())[None], scores, stages), action.to_dict()


def small(seed: int = 0, **changes: Any) -> Progress:
    return Progress(config_from_json(ProgressConfig, {**SMALL, **changes}), seed)


def test_it_is_trained_like_an_agent_but_is_none() -> None:
    assert "progress" in forecaster_names()
    assert load_forecaster("progress") is load_trainee("progress")
    assert load_trainee("state-mlp") is load_agent("state-mlp")
    with pytest.raises(ConfigError, match=r"progress is a forecaster: .*evaluate POLICY --watch RUN"):
        load_agent("progress")


@pytest.mark.parametrize(
    ("actions", "changes", "episodes", "looks"),
    [
        (1, {}, 31, 1),
        (3, {}, 22, 1),
        (8, {}, 12, 2),
        (30, {}, 11, 2),
        (30, {"piece": 1000}, 6, 3),
        (1, {"piece": 1000}, 31, 1),
        (30, {"piece": 2}, 8, 2),
        (1, {"looks": 0}, 31, 0),
    ],
)
def test_a_step_has_more_episodes_where_they_are_short(
    monkeypatch: pytest.MonkeyPatch, actions: int, changes: dict[str, Any], episodes: int, looks: int
) -> None:
    drawn: list[tuple[int, ...]] = []

    def draw(dataset: Any, count: int, most: int, asked: int, rng: Any) -> None:
        drawn.append((count, asked))
        raise KilledError

    monkeypatch.setattr("ravens_suite.agents.forecasters.progress.forecaster.draw_batch", draw)
    one = episode(0, fails=False)[0]
    longer = replace(one, views=one.views[:1] * (actions + 1), poses=np.repeat(one.poses, actions, axis=0))
    with pytest.raises(KilledError):
        small(batch=6, **{"looks": 3, **changes}).fit_step([one, longer], 0)
    assert drawn == [(episodes, looks)]


def test_pieces_begin_anywhere_and_have_as_many_views_as_expected() -> None:
    one = episode(0, fails=False)[0]
    views, poses = one.views[:1] * 6, np.repeat(one.poses, 5, axis=0)
    longer = WatchedEpisode(views, poses, np.linspace(0, 1, 6, dtype=np.float32), np.zeros(6, np.int64))
    batches = [draw_batch([longer], 6, 3, 2, np.random.default_rng(seed)) for seed in range(30)]
    begun = {round(float(score) * 5) for batch in batches for score in batch.scores[0]}
    assert begun == {0, 1, 2, 3, 4, 5}
    counts = np.concatenate([batch.valid.sum(dim=0).numpy() for batch in batches])
    assert counts.min() == 1 and counts.max() == 4
    assert counts.mean() == pytest.approx(expected_views(5, 3), abs=0.4)
    assert expected_views(5, 3) == pytest.approx((4 + (4 + 4 + 4 + 3 + 2 + 1) / 6) / 2)


def test_more_is_hidden_than_the_arm_hid_and_shows_nothing() -> None:
    """In the views of one episode, of which all was seen, what is hidden in those of another."""
    watched, _ = episode(0, fails=False)
    whole = np.ones(watched.views[0].seen.shape, bool)
    part = whole.copy()
    part[70:90, 30:50] = False
    clear = replace(watched, views=tuple(replace(view, seen=whole) for view in watched.views))
    dark = View(watched.views[0].color * part[..., None], watched.views[0].height * part, part)
    other = WatchedEpisode((dark,), watched.poses[:0], np.full(1, 0.5, np.float32), watched.stages[:1])
    hidden = []
    for seed in range(60):
        batch = draw_batch([clear, other], 8, 3, 1, np.random.default_rng(seed))
        views = batch.seen[batch.valid & (batch.scores != 0.5)]
        unseen = views[:, 4] == 0
        assert not views[:, :4].permute(0, 2, 3, 1)[unseen].any()
        # Near the middle nothing is unseen but the hole: what lay beyond the table's edge is at the sides.
        hidden += (unseen[:, 60:100, 20:60].flatten(1).sum(dim=1) >= 200).tolist()
    # Seven of ten views are hidden in part, half of them by the other episode.
    assert np.mean(hidden) == pytest.approx(0.35, abs=0.1)


def test_a_view_alone_is_judged_and_asks_for_no_other() -> None:
    forecaster = small()
    watched, _ = episode(0, fails=False)
    last = WatchedEpisode(watched.views[1:], watched.poses[:0], watched.scores[1:], watched.stages[1:])
    losses = forecaster.losses(make_batch([last], [LOOKS]))
    assert float(losses["view"].detach()) == 0
    assert all(torch.isfinite(loss) for loss in losses.values()) and float(losses["stage"].detach()) > 0


def test_it_learns_what_is_done_and_what_comes_next() -> None:
    forecaster = small(width=8, steps=40, learning_rate=2e-2)
    dataset = [episode(seed, fails=bool(seed))[0] for seed in range(2)]
    batch = make_batch(dataset, [LOOKS, LOOKS])
    first = {name: float(loss.detach()) for name, loss in forecaster.losses(batch).items()}
    for step in range(40):
        forecaster.optimiser.step(sum(forecaster.losses(batch).values(), torch.zeros(())), step)
    last = {name: float(loss.detach()) for name, loss in forecaster.losses(batch).items()}
    assert all(last[name] < 0.6 * first[name] for name in ("progress", "stage", "view")), (first, last)


def test_a_step_at_a_time_says_the_same_as_all_at_once() -> None:
    forecaster = small(seed=3)
    watched, action = episode(0, fails=False)
    batch = make_batch([watched], [LOOKS])
    features, _ = forecaster.net.watch(batch.seen)
    progress, stages = forecaster.net.judged(features)
    for _ in range(2):  # What it remembered of an episode is forgotten with the next reset.
        forecaster.reset()
        for step, view in enumerate(watched.views):
            said = forecaster.watch(view, action if step else None)
            assert said.progress == pytest.approx(float(torch.sigmoid(progress[step, 0].detach())), abs=1e-5)
            probabilities = torch.softmax(stages[step, 0], 0).detach().tolist()
            assert [said.on_its_way, said.failing, said.done] == pytest.approx(probabilities, abs=1e-5)


def test_the_next_view_is_foreseen_as_it_was_learned() -> None:
    forecaster = small()
    watched, action = episode(0, fails=False)
    batch = make_batch([watched], [LOOKS])
    features, _ = forecaster.net.watch(batch.seen)
    known = type(features)(*(maps[:1] for maps in features))
    expected = forecaster.net.next_view(known, batch.seen[:1], batch.acting, batch.copied)[0, 0].detach().numpy()
    forecaster.watch(watched.views[0])
    np.testing.assert_allclose(forecaster.foresee(action), expected, atol=1e-5)


def test_what_no_camera_saw_teaches_nothing() -> None:
    forecaster = small()
    batch = make_batch([episode(0, fails=False)[0]], [LOOKS])
    features, _ = forecaster.net.watch(batch.seen)
    batch.seen[1, :, 4, :80] = 0
    batch.changes[:, :, :80] = False
    before = float(forecaster._view_loss(features, batch).detach())
    batch.seen[1, :, :4, :80] += 0.5
    assert float(forecaster._view_loss(features, batch).detach()) == before
    batch.seen[1, :, :4, 80:] += 0.5
    assert float(forecaster._view_loss(features, batch).detach()) != before


def test_padding_teaches_nothing() -> None:
    forecaster = small()
    watched, _ = episode(0, fails=False)
    longer = WatchedEpisode((*watched.views, watched.views[1]), watched.poses.repeat(2, 0), *_longer(watched))
    alone = forecaster.losses(make_batch([watched], [LOOKS]))
    batch = make_batch([watched, longer], [LOOKS, LOOKS])
    batch.valid[:, 1] = False
    batch.seen[2, 0] = 1.0
    batch.seen[:, 1] = 1.0
    together = forecaster.losses(batch)
    assert batch.valid[:, 0].tolist() == [True, True, False]
    for name in ("progress", "stage"):
        assert torch.allclose(together[name], alone[name], atol=1e-5)


def _longer(watched: WatchedEpisode) -> tuple[Any, Any]:
    return np.append(watched.scores, np.float32(1)), np.append(watched.stages, np.int64(2))


def test_three_steps_killed_and_resumed_give_the_same_bytes(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 2:
            raise KilledError

    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    train(plan(data), data / "shown", whole.path, save_every=1)
    with pytest.raises(KilledError):
        train(plan(data), data / "shown", killed.path, save_every=1, on_progress=kill)
    train(plan(data), data / "shown", killed.path, save_every=1)
    assert whole.policy.weights.read_bytes() == killed.policy.weights.read_bytes()
    assert whole.training.read_bytes() == killed.training.read_bytes()


def test_episodes_that_are_collected_meanwhile_are_none_of_a_run_that_goes_on(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        raise KilledError

    tried = tmp_path / "tried" / TASK / "train"
    shutil.copytree(data / "tried" / TASK / "train", tried)
    later = tried / "000001.safetensors"
    later.unlink()
    growing = plan(data, more_data=[str(tmp_path / "tried")])
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    train(growing, data / "shown", whole.path)
    with pytest.raises(KilledError):
        train(growing, data / "shown", killed.path, on_progress=kill)
    shutil.copy(data / "tried" / TASK / "train" / later.name, later)
    train(growing, data / "shown", killed.path)
    assert killed.record()["episodes_beside"] == {str(tmp_path / "tried"): {TASK: [0]}}
    assert whole.policy.weights.read_bytes() == killed.policy.weights.read_bytes()


def test_it_is_validated_by_watching_and_kept(data: Path, tmp_path: Path) -> None:
    done = train(plan(data, steps=2, val_episodes=2), data / "shown", tmp_path)
    assert done.val_score is not None and 0 <= done.val_score <= 100
    assert RunFolder(tmp_path).record()["plan"]["config"]["more_data"] == [str(data / "tried")]
    view = episode(0, fails=False)[0].views[0]
    kept = [Progress.load(RunFolder(tmp_path).policy.path) for _ in range(2)]
    assert kept[0].watch(view) == kept[1].watch(view)


def test_what_it_cannot_use_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="more_data names: collect some"):
        train(plan(data, more_data=[str(tmp_path / "nothing")]), data / "shown", tmp_path / "run")
    with pytest.raises(ConfigError, match=r"more_data names .* again"):
        train(plan(data, more_data=[str(data / "tried")] * 2), data / "shown", tmp_path / "run")
    # However the path is written, and beside the folders of options.
    tried, shown = data / "tried", data / "shown"
    for named, more, mend in (
        ([str(tried), f"{shown}/../tried"], (), "name it once"),
        ([str(tried)], (f"{tried}/.",), "name it once"),
        ([f"{tried}/../shown"], (), "draw more of them with --demos"),
    ):
        with pytest.raises(ConfigError, match=f"more_data names .* would count twice: {mend}"):
            train(replace(plan(data, more_data=named), more_data=more), shown, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    solved = TrainingPlan(agent="progress", tasks=(TASK,), settings=TrainingSettings(until="solved"))
    with pytest.raises(ConfigError, match="solves no scenes, it watches"):
        train(solved, data / "shown", tmp_path / "other")
    spec = ArraySpec((3, 3), "float64")
    with pytest.raises(ConfigError, match="progress follows actions of pick and place"):
        Progress.check(Interface(dict.fromkeys(Progress.observation_keys, spec), {"poke": spec}, "primitive"))
    with pytest.raises(MissingDataError, match="call update"):
        small().foresee({"pick": np.zeros(7), "place": np.zeros(7)})


def test_its_code_is_all_that_it_imports_of_the_agents() -> None:
    path, module = source_of("progress") or (Path(), "")
    agents = path.parents[2]
    files = {file.name for file in imported_files(path, agents, agents.parent)}
    assert module == "ravens_suite.agents.forecasters.progress"
    assert {"recurrent.py", "network.py", "base.py", "plane.py"} <= files
    assert code_of("progress") == digest_of_files(imported_files(path, agents, agents.parent))
