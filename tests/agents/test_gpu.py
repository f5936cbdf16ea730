"""What only a GPU can show; left out where there is none. Before a release: pytest tests/agents/test_gpu.py on one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.observations import GOAL, ArraySpec, Interface, Observation
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.rollout.environments import make_environment
from tests.agents import scenes

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
CONFIG = TransporterConfig(widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=20)
CONDITIONS = {"plain": (), "told": ("instruction",), "shown": tuple(GOAL + key for key in KEYS)}


def agent_of(kind: str, **settings: object) -> Transporter:
    interface = Interface({key: ArraySpec((1,), "uint8") for key in [*KEYS, *CONDITIONS[kind]]})
    return Transporter(replace(CONFIG, **settings), interface=interface)  # type: ignore[arg-type]


def dataset_of(kind: str) -> PickPlaceDataset:
    rng = np.random.default_rng(0)
    step = scenes.insertion(rng).step(rng)
    return PickPlaceDataset(
        [[replace(step, goal=step.scene if kind == "shown" else None, instruction="red into blue")]]
    )


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_recorded_step_learns_as_the_processor_does(kind: str) -> None:
    """To 2 %: convolutions on a GPU round to TF32, which changes these losses by 0.2 % at most."""
    data, losses = dataset_of(kind), {}
    for device in ("cpu", "cuda"):
        agent = agent_of(kind, device=device, precision="float32", workers=0)
        losses[device] = [agent.fit_step(data, step) for step in range(8)]
        if device == "cuda":
            recordings = agent._recorded._graphs.values()
            assert recordings and all(recording is not None for recording in recordings)
    for cpu, gpu in zip(losses["cpu"], losses["cuda"], strict=True):
        assert gpu == pytest.approx(cpu, rel=0.02)


def observation_of(seed: int = 0) -> Observation:
    """Random images, the same of the goal, and a sentence."""
    rng, size = np.random.default_rng(seed), (48, 64)
    seen = {
        **camera_matrices(published_cameras(size)),
        "color": rng.integers(0, 255, (3, *size, 3), np.uint8),
        "depth": np.full((3, *size), 0.9, np.float32),
    }
    return {**seen, **{GOAL + key: value for key, value in seen.items()}, "instruction": "red into blue"}


def assert_acts_as_its_saved_copy(agent: Transporter, folder: Path) -> list[float]:
    """Returns the pick that both chose."""
    agent.save(folder)
    loaded, observation = Transporter.load(folder), observation_of()
    actions = []
    for policy in (agent, loaded):
        policy.reset()
        actions.append(policy.act(observation))
    for ours, theirs in zip(agent.explain(observation).values(), loaded.explain(observation).values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    for key in ("pick", "place"):
        np.testing.assert_allclose(actions[0][key], actions[1][key], atol=1e-4)
    return list(map(float, agent.explain(observation)["pick"].flat))


@pytest.mark.parametrize("kind", CONDITIONS)
def test_an_agent_in_training_acts_as_its_saved_copy_at_any_time(kind: str, tmp_path: Path) -> None:
    """Steps 0 to 2 are carried out plainly, step 3 is recorded, those after it are replayed."""
    agent, data, seen = agent_of(kind, device="cuda"), dataset_of(kind), []
    for step in range(16):
        agent.fit_step(data, step)
        if step in (0, 2, 3, 4, 9, 15):
            seen.append(assert_acts_as_its_saved_copy(agent, tmp_path / str(step)))
    assert all(one != other for one, other in pairwise(seen)), "what it thinks follows its weights"


def test_examples_made_by_processes_teach_the_same_on_a_gpu() -> None:
    """The processes begin after the GPU was used."""
    data, losses = dataset_of("plain"), []
    for workers in (0, 2):
        agent = agent_of("plain", device="cuda", precision="float32", workers=workers)
        losses.append([agent.fit_step(data, step) for step in range(8)])
    for one, other in zip(*losses, strict=True):
        assert one == pytest.approx(other, rel=0.02)


def test_training_that_is_put_back_goes_on_with_the_recorded_steps(tmp_path: Path) -> None:
    data, agent = dataset_of("plain"), agent_of("plain", device="cuda", precision="float32")
    for step in range(6):
        agent.fit_step(data, step)
    agent.save_training(tmp_path / "training", 6)
    first = [agent.fit_step(data, step) for step in range(6, 12)]
    assert agent.load_training(tmp_path / "training") == 6
    assert_acts_as_its_saved_copy(agent, tmp_path / "policy")
    again = [agent.fit_step(data, step) for step in range(6, 12)]
    fresh = agent_of("plain", device="cuda", precision="float32")
    fresh.load_training(tmp_path / "training")
    anew = [fresh.fit_step(data, step) for step in range(6, 12)]
    for losses in (again, anew):
        for one, other in zip(first, losses, strict=True):
            assert one == pytest.approx(other, rel=0.02)


def test_environments_draw_the_same_while_an_agent_trains() -> None:
    """Each has a context of its own on the GPU that trains."""
    agent, data, drawn = agent_of("plain", device="cuda"), dataset_of("plain"), []
    for part in range(3):
        env = make_environment("block-insertion", "test", {"observe": ["images"], "image_size": [48, 64]})
        observation, _ = env.reset(seed=0)
        drawn.append(observation["color"])
        env.close()
        for step in range(4 * part, 4 * part + 4):
            agent.fit_step(data, step)
    assert drawn[0].std() > 10
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
