"""Refinement corrects the coarse map, and the places it compares do not overlap."""

from __future__ import annotations

import torch

from ravens_suite.agents.common.sampling import angle_grid
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.network import PlaceFeatures
from ravens_suite.agents.transporter.placing import refined_logits, with_alternatives
from ravens_suite.agents.transporter.targets import peak, pose_target

CONFIG = TransporterConfig(coarse_radius=6, fine_radius=6, angles=12)


def test_a_fine_stage_that_knows_nothing_leaves_the_coarse_answer() -> None:
    angles = angle_grid(4, torch.device("cpu"))
    place = torch.tensor([[[20.5, 30.5]]])
    coarse = pose_target(place, torch.zeros(1, 1), angles, (80, 40), position_std=2.0, angle_std=0.5)
    coarse = coarse.log().clamp_min(-50)
    unused = torch.zeros(0)
    features = PlaceFeatures(unused, unused, torch.zeros(1, 16, 13, 13), torch.zeros(1, 16, 160, 80))
    centre = torch.tensor([[[39.0, 63.0]]])
    best, _ = peak(refined_logits(CONFIG, features, coarse, angles, centre)[0, 0])
    found = centre[0, 0].flip(-1) + best[1:] - CONFIG.fine_reach
    torch.testing.assert_close(found.float(), torch.tensor([61.0, 41.0]), atol=0.3, rtol=0)


def test_alternatives_are_the_best_other_maxima_and_their_windows_do_not_overlap() -> None:
    coarse = torch.full((1, 2, 80, 40), -9.0)
    coarse[0, 0, 10, 10], coarse[0, 1, 11, 12], coarse[0, 1, 60, 30], coarse[0, 0, 40, 5] = 5, 4, 3, 2
    place = torch.tensor([[22.0, 21.0]])
    centres = with_alternatives(CONFIG, place, coarse)
    assert centres.shape == (1, CONFIG.candidates, 2)
    assert centres[0, :3].tolist() == [[22, 21], [61, 121], [11, 81]], "what the first window shows is no alternative"
    apart = (centres[0, :, None] - centres[0, None]).abs().amax(dim=-1)
    assert apart[~torch.eye(len(apart), dtype=torch.bool)].min() >= 2 * CONFIG.fine_reach
