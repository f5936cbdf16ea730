"""Confidence: who says it, that it is noted, and that calibration makes it true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.core.policy import confidence_of
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import ConfigError, DamagedDataError
from ravens_suite.insight.calibration import Calibration, Reliability, calibrate, decisions_of, read_calibration
from ravens_suite.report.page import ReportPlan, write_report
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.rollout import policy_seed

TASK = "place-red-in-green"
POLICY = '''
import numpy as np


class Sure:
    """Picks a body it is told of, or the table; says 0.9 either way."""

    def reset(self, seed):
        self.rng = np.random.default_rng(seed)

    def act(self, observation):
        pose = np.array([0.5, 0.0, 0.05, 0.0, 0.0, 0.0, 1.0])
        return {"pick": pose, "place": pose}

    def confidence(self):
        return 0.9
'''


def drawn(slope: float, offset: float, count: int) -> tuple[list[float], list[bool]]:
    """Confidences, and outcomes of decisions of which the true log-odds are a linear function of theirs."""
    rng = np.random.default_rng(3)
    odds = rng.normal(1.0, 2.0, count)
    right = rng.random(count) < 1 / (1 + np.exp(-(slope * odds + offset)))
    return [float(value) for value in 1 / (1 + np.exp(-odds))], [bool(value) for value in right]


def test_calibration_finds_what_was_drawn_and_makes_it_true() -> None:
    confidences, right = drawn(0.5, -1.0, 4000)
    fitted = Calibration.fit(confidences[:2000], right[:2000])
    assert fitted.slope == pytest.approx(0.5, abs=0.08) and fitted.offset == pytest.approx(-1.0, abs=0.15)
    own = Reliability.of(confidences[2000:], right[2000:])
    better = Reliability.of([fitted(value) for value in confidences[2000:]], right[2000:])
    assert own.error > 0.2 and better.error < 0.03
    assert better.by_chance < 0.03 and better.decisions == 2000
    assert sum(row.decisions for row in better.bins) == 2000
    assert all(row.interval[0] <= row.right <= row.interval[1] for row in better.bins)


def test_what_is_beyond_chance_is_0_for_true_confidences_and_the_distance_for_others() -> None:
    rng = np.random.default_rng(5)
    true, too_sure = [], []
    for _ in range(100):
        said = rng.uniform(0.5, 0.8, 100)
        drawn_right = rng.random(100) < said
        true.append(Reliability.of(said.tolist(), drawn_right.tolist()))
        too_sure.append(Reliability.of((said + 0.2).tolist(), drawn_right.tolist()))
    assert np.mean([each.error for each in true]) > 0.1, "so few decisions look bad however true they are"
    assert np.median([each.beyond_chance for each in true]) < 0.04
    assert np.mean([each.beyond_chance for each in too_sure]) == pytest.approx(0.2, abs=0.02)
    assert Reliability.of([], []).beyond_chance == Reliability.of([0.5], [True]).beyond_chance == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40))
def test_any_decisions_give_probabilities(decisions: list[tuple[float, bool]]) -> None:
    confidences, right = [pair[0] for pair in decisions], [pair[1] for pair in decisions]
    fitted = Calibration.fit(confidences, right)
    values = [fitted(value) for value in (0.0, 0.3, 0.9, 1.0)]
    assert all(0 <= value <= 1 for value in values) and values == sorted(values)
    reliability = Reliability.of([fitted(value) for value in confidences], right)
    assert 0 <= reliability.error <= 1
    if len(decisions) > 1 and all(right):
        assert 0.5 < fitted(float(np.median(confidences))) < 1.0


def test_a_confidence_is_a_probability_or_none() -> None:
    class Says:
        def __init__(self, value: object) -> None:
            self.value = value

        def confidence(self) -> object:
            return self.value

    said = [confidence_of(Says(value)) for value in (None, 0.25, 1.0001, -1e-7, float("nan"))]  # type: ignore[arg-type]
    assert said == [None, 0.25, 1.0, 0.0, None]
    assert confidence_of(object()) is None  # type: ignore[arg-type]
    for value in (85, -1, float("inf"), "high", [0.2, 0.8]):
        with pytest.raises(ConfigError, match=r"confidence\(\) of the policy Says returned .* a number from 0 to 1"):
            confidence_of(Says(value))  # type: ignore[arg-type]


def test_outcomes_hold_confidence_and_reward_of_every_decision(tmp_path: Path) -> None:
    outcome = EpisodeOutcome(1, 0.5, False, 2, "step limit", rewards=(0.5, 0.0), confidences=(0.75, None))
    again = EpisodeOutcome.from_json(outcome.to_json())
    assert (again.rewards, again.confidences) == (outcome.rewards, outcome.confidences)
    assert decisions_of([again]) == ([0.75], [True])
    assert "confidences" not in EpisodeOutcome(1, 0.5, False, 2, "done").to_json()


def test_a_policy_of_ones_own_is_calibrated_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sure.py").write_text(POLICY)
    found = calibrate("sure.py:Sure", TASK, episodes=2, out=tmp_path / "sure")
    assert found.own.decisions > 2 and found.own.error == pytest.approx(0.9 - found.own.bins[0].right)
    assert found.calibrated.error < 0.5 < found.own.error
    assert read_calibration(found.path) == found
    with pytest.raises(ConfigError, match="does not say how sure"):
        calibrate("random", TASK, episodes=1, out=tmp_path / "random")
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{}")
    with pytest.raises(DamagedDataError, match="calibrate again"):
        read_calibration(damaged)
    no_pictures = ReportPlan(films=0, scenes=0, failures=0)
    page = write_report(tmp_path, plan=no_pictures).path.read_text()
    assert "Calibrated on validation scenes" in page and "<td>Sure</td>" in page
    value = json.loads(found.path.read_text())
    found.path.write_text(json.dumps({**value, "definition": {**value["definition"], "goals": "others"}}))
    assert "Calibrated on validation scenes" not in write_report(tmp_path, plan=no_pictures).path.read_text()


def test_few_decisions_that_are_all_sure_and_wrong_are_beyond_chance() -> None:
    few = Reliability.of([0.9] * 6, [False] * 6)
    assert few.beyond_chance == pytest.approx(0.9) and few.error == pytest.approx(0.9)
    assert [row.decisions for row in few.bins] == [2, 2, 2]
    assert [row.decisions for row in Reliability.of([0.9] * 23, [True] * 23).bins] == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]


def test_outcomes_without_confidences_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sure.py").write_text(POLICY)
    done = evaluate("sure.py:Sure", TASK, episodes=1, out=tmp_path)
    value = json.loads(done.path.read_text())
    for row in value["results"]:
        del row["confidences"], row["rewards"]  # As earlier releases wrote them.
    done.path.write_text(json.dumps(value))
    assert calibrate("sure.py:Sure", TASK, episodes=1, out=tmp_path).own.decisions > 0


def test_a_refused_calibration_leaves_earlier_outcomes_alone(tmp_path: Path) -> None:
    done = evaluate("random", TASK, split="val", episodes=2, out=tmp_path)
    with pytest.raises(ConfigError, match="does not say how sure"):
        calibrate("random", TASK, episodes=1, out=tmp_path)
    assert [row["seed"] for row in json.loads(done.path.read_text())["results"]] == [0, 1]


def test_a_policy_that_says_nothing_is_refused_also_where_its_first_scene_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it gives up at once; of the other scenes it calibrated nothing, and noted that."""
    monkeypatch.chdir(tmp_path)
    first = policy_seed(0, "val")
    text = POLICY.replace("class Sure", "from ravens_suite.errors import OracleGaveUpError\n\n\nclass Silent")
    ends = f"        if self.seed == {first}:\n            raise OracleGaveUpError('Done.')\n"
    text = text.replace("confidence(self)", "said_nowhere(self)").replace("        pose =", f"{ends}        pose =")
    Path("silent.py").write_text(text.replace("self.rng = np.random.default_rng(seed)", "self.seed = seed"))
    with pytest.raises(ConfigError, match="Silent does not say how sure"):
        calibrate("silent.py:Silent", TASK, episodes=2, arguments={"observe": ["state"]}, out=tmp_path)
    assert not (tmp_path / "calibration").exists()
