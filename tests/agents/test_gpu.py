"""What only a GPU can show; left out where there is none. Before a release: pytest tests/agents/test_gpu.py on one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.observations import GOAL, ArraySpec, Interface
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
    data, losses = dataset_of(kind), {}
    for device in ("cpu", "cuda"):
        agent = agent_of(kind, device=device, precision="float32", workers=0)
        losses[device] = [agent.fit_step(data, step) for step in range(8)]
        if device == "cuda":
            assert all(recording is not None for recording in agent._recorded._graphs.values())
    for cpu, gpu in zip(losses["cpu"], losses["cuda"], strict=True):
        assert gpu == pytest.approx(cpu, rel=0.02)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_an_agent_in_training_acts_as_its_saved_copy_at_any_time(kind: str, tmp_path: Path) -> None:
    agent, data = agent_of(kind, device="cuda"), dataset_of(kind)
    size = (48, 64)
    observation = {
        **camera_matrices(published_cameras(size)),
        "color": np.random.default_rng(0).integers(0, 255, (3, *size, 3), np.uint8),
        "depth": np.full((3, *size), 0.9, np.float32),
        "instruction": "red into blue",
    }
    observation |= {GOAL + key: value for key, value in observation.items()}
    for step in range(16):
        agent.fit_step(data, step)
        if step % 5 == 0:
            agent.save(tmp_path / str(step))
            loaded = Transporter.load(tmp_path / str(step))
            for policy in (agent, loaded):
                policy.reset()
            for ours, theirs in zip(
                agent.explain(observation).values(), loaded.explain(observation).values(), strict=True
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_environments_made_one_after_the_other_draw_the_same() -> None:
    drawn = []
    for _ in range(3):
        env = make_environment("block-insertion", "test", {"observe": ["images"], "image_size": [48, 64]})
        observation, _ = env.reset(seed=0)
        drawn.append(observation["color"])
        env.close()
    assert drawn[0].std() > 10
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
