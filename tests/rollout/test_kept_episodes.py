"""Failed episodes are kept and shown, and any seed of a policy can be run again to be looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.cli.main import main
from ravens_suite.data.episode import read_episode
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.kept_episodes import keep_episode, keep_failures
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.replay import replay


def test_failures_are_stored_as_they_were_evaluated_with_images(tmp_path: Path) -> None:
    evaluation = evaluate("oracle", TASK, episodes=10, out=tmp_path)
    kept = keep_failures(evaluation)
    assert [path.relative_to(tmp_path).as_posix() for path in kept] == [
        f"failures/{TASK}/test/{seed:06}.safetensors"
        for seed in (1, 4, 6)  # Seed 9 has no scene.
    ]
    episode = read_episode(kept[0])
    outcome = evaluation.outcomes[1]
    assert (episode.seed, episode.steps, episode.score) == (1, outcome.steps, pytest.approx(outcome.score))
    assert episode.metadata["outcome"] == "step limit"
    assert episode.metadata["motion"] == list(outcome.motions)
    assert episode.metadata["policy"]["name"] == "oracle"
    assert episode.observations["color"].shape[0] == outcome.steps + 1


def test_what_does_not_fail_any_more_is_removed(tmp_path: Path) -> None:
    failing = tmp_path / "mine.py"
    failing.write_text("import numpy as np\ndef act(o):\n    return {'pick': np.full(7, 2.0), 'place': np.zeros(7)}\n")
    kept = keep_failures(evaluate(f"{failing}:act", TASK, episodes=4, out=tmp_path))
    assert [path.stem for path in kept] == ["000000", "000001", "000003"]
    assert [path.stem for path in keep_failures(evaluate("oracle", TASK, episodes=4, out=tmp_path))] == ["000001"]
    assert [path.name for path in (tmp_path / "failures").rglob("*.safetensors")] == ["000001.safetensors"]


def test_failures_of_another_policy_are_not_among_those_of_this_one(tmp_path: Path) -> None:
    """As those of a run before it was trained on, of which more seeds were evaluated."""
    mine = tmp_path / "mine.py"
    mine.write_text("import numpy as np\ndef act(o):\n    return {'pick': np.full(7, 2.0), 'place': np.zeros(7)}\n")
    keep_failures(evaluate(f"{mine}:act", TASK, episodes=6, out=tmp_path))
    keep_failures(evaluate("oracle", TASK, episodes=2, out=tmp_path))
    assert [path.stem for path in (tmp_path / "failures").rglob("*.safetensors")] == ["000001"]
    assert len(keep_failures(evaluate("oracle", TASK, episodes=5, out=tmp_path))) == 2
    keep_failures(evaluate("oracle", TASK, episodes=2, out=tmp_path))
    left = sorted(path.stem for path in (tmp_path / "failures").rglob("*.safetensors"))
    assert left == ["000001", "000004"]


def test_failures_in_another_environment_are_not_among_those_in_this_one(tmp_path: Path) -> None:
    keep_failures(evaluate("oracle", TASK, episodes=7, out=tmp_path, arguments={"shade": 7}))
    keep_failures(evaluate("oracle", TASK, episodes=5, out=tmp_path))
    left = sorted((tmp_path / "failures").rglob("*.safetensors"))
    assert [path.stem for path in left] == ["000001", "000004"]
    assert all("shade" not in read_episode(path).metadata["arguments"] for path in left)


def test_a_failure_that_comes_out_otherwise_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    value = json.loads((tmp_path / "test.json").read_text())
    value["results"][1]["score"] = 0.5
    (tmp_path / "test.json").write_text(json.dumps(value))
    keep_failures(evaluate("oracle", TASK, episodes=2, out=tmp_path))
    assert "Seed 1 of fake-task came out otherwise when it was run again (score 50.0, and then 30.0)" in caplog.text


def test_any_seed_of_a_policy_can_be_run_again(tmp_path: Path) -> None:
    path = keep_episode("oracle", 3, TASK, split="val", out=tmp_path)
    assert path == tmp_path / "episodes" / TASK / "val" / "000003.safetensors"
    assert read_episode(path).success
    with pytest.raises(ConfigError, match=r"seed 9 of fake-task, test, cannot be placed"):
        keep_episode("oracle", 9, TASK, out=tmp_path)
    with pytest.raises(ConfigError, match="--seed must be at least 0"):
        keep_episode("oracle", -1, TASK, out=tmp_path)


def test_a_real_failure_is_kept_viewed_action_by_action_and_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two misses on the table, then the step limit."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "miss.py").write_text(
        "import numpy as np\n"
        "def miss(observation):\n"
        "    pose = np.array([0.3, 0.45, 0.0, 0, 0, 0, 1.0])\n"
        "    return {'pick': pose, 'place': pose}\n"
    )
    words = ["miss.py:miss", "block-insertion"]
    size = ["--environment", '{"image_size": [24, 32]}']
    assert main(["evaluate", *words, "--episodes", "1", "--workers", "1", "--keep-failures", "--out", "e", *size]) == 0
    path = tmp_path / "e" / "failures" / "block-insertion" / "test" / "000000.safetensors"
    assert main(["view", str(path), "--film", "--out", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text()
    steps = read_episode(path).steps
    assert all(f"Step {step} of {steps}" in page for step in range(1, steps + 1))
    assert "data:video/mp4" in page
    assert "this time it scored" not in page
    assert main(["view", *words, "--seed", "0", "--out", "again.png"]) == 0
    again = tmp_path / "runs" / "miss.py-miss" / "block-insertion" / "episodes" / "block-insertion" / "test"
    np.testing.assert_array_equal(
        read_episode(again / "000000.safetensors").actions["pick"], read_episode(path).actions["pick"]
    )


def test_a_replay_of_every_action_has_a_frame_before_each_and_one_of_the_end() -> None:
    every = replay(PolicySpec.parse("oracle"), "stack-block-pyramid", [0], every=True)[0]
    assert len(every.frames) == every.rollout.steps + 1 > 2
    ends = replay(PolicySpec.parse("oracle"), "stack-block-pyramid", [0])[0]
    assert len(ends.frames) == 2
    np.testing.assert_array_equal(every.frames[0], ends.frames[0])
    np.testing.assert_array_equal(every.frames[-1], ends.frames[-1])


def test_a_seed_is_viewed_in_an_environment_with_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--image-size", "48", "64", "--observe", "images", "goal", "--environment", '{"distractors": 2}']
    words = ["view", "oracle", "block-insertion", "--seed", "0", "--out", "page.html"]
    assert main([*words, *options]) == 0
    (kept,) = tmp_path.rglob("*.safetensors")
    episode = read_episode(kept)
    assert {"color", "goal_color"} <= episode.observations.keys()
    assert episode.metadata["arguments"] == {
        "image_size": [48, 64],
        "observe": ["images", "goal"],
        "distractors": 2,
    }
    assert main(["view", str(kept), *options]) == 1
    assert "options of an environment go with --seed" in capsys.readouterr().err
