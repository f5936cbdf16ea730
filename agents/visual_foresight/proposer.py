"""Candidates of a trained ``transporter``, for a planner to begin with."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.core.observations import GOAL, Observation
from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.errors import ConfigError

from ..pick_place.history import History, Move
from ..transporter.agent import Transporter
from ..transporter.candidates import find_candidates
from ..transporter.decision import decision_of
from .scenes import REDUCTION


class Proposer:
    """Proposes what a trained agent thinks best: its picks, each with its places.

    Args:
        folder: of a training run of ``transporter``, or of its policy.

    Raises:
        MissingDataError: there is no policy.
        ConflictError: it is of another agent.
        ConfigError: it was told by sentences.
    """

    def __init__(self, folder: Path) -> None:
        run = RunFolder(folder)
        files = run.policy if run.policy.settings.exists() else PolicyFolder(folder)
        files.agent()
        agent = Transporter.load(files.path)
        if not isinstance(agent, Transporter) or agent.listens:
            raise ConfigError(f"The proposer {folder} must be a transporter that learned without sentences.")
        self._agent = agent
        self._history = History()

    def propose(self, observation: Observation) -> Tensor:
        """(N, 5) float32 actions, see ``scenes.py``; nothing of them is remembered until ``record``."""
        agent, scene, history = self._agent, fuse_observation(observation), copy.deepcopy(self._history)
        history.observe(scene)
        self._considered = history, scene
        found = find_candidates(
            agent.optimiser.ema,
            agent.config,
            scene,
            history,
            use_bfloat16=agent.use_bfloat16,
            goal=fuse_observation(observation, GOAL) if agent.shows_goal else None,
            first=history.first if agent.config.remembers else None,
        )
        rows = []
        for pick, places in enumerate(found.places):
            for place in range(len(places.positions)):
                decision = decision_of(agent.config, found, pick, place)
                rows.append([*(decision.pick / REDUCTION), *(decision.place / REDUCTION), decision.yaw])
        return torch.from_numpy(np.array(rows, dtype=np.float32))

    def record(self, action: Tensor) -> None:
        """What was decided after the last proposals, so that a pick without effect is not proposed again.

        Args:
            action: (5,) float32, see ``scenes.py``.
        """
        pixels = action[:4].double().cpu().numpy() * REDUCTION
        self._history, scene = self._considered
        self._history.record(Move(scene, pixels[:2], pixels[2:]))
