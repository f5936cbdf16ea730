"""Predicted scenes beside those that were seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from ravens_suite.report.sections import _predicted_panels
from ravens_suite.rollout.replay import Decision


def decision(**more: Any) -> Decision:
    seen = {"color": np.zeros((320, 160, 3), np.uint8), "height": np.zeros((320, 160), np.float32)}
    return Decision({**seen, **more}, {})


def test_what_was_expected_lies_beside_what_was_seen() -> None:
    expected = np.full((320, 160, 3), 90, np.uint8)
    decisions = (decision(predicted_color=expected), decision(predicted_color=expected))
    first, last = (_predicted_panels(decisions, number) for number in (0, 1))
    assert [panel.name for panel in first] == ["Expected after action 1", "Seen after action 1"]
    assert first[0].uri != first[1].uri
    assert [panel.name for panel in last] == ["Expected after action 2"]
    assert _predicted_panels((decision(),), 0) == []
