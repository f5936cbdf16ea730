"""Curves of training, read from TensorBoard's logs of a run."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from ravens_suite.report.charts import Series


def read_scalars(logs: Path) -> dict[str, Series]:
    """Everything TensorBoard would plot, by name; empty when there are no logs."""
    files = list(logs.glob("*tfevents*"))
    if not files:
        return {}
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.compat.proto.event_pb2 import SessionLog
    from tensorboard.util.tensor_util import make_ndarray

    # Their names hold the second alone: of two that began within one, the later may be the first by its name.
    loaded = [list(EventFileLoader(str(file)).Load()) for file in files]
    begun = sorted((events for events in loaded if events), key=lambda events: float(events[0].wall_time))
    found: dict[str, dict[int, float]] = {}
    for event in chain.from_iterable(begun):
        if event.session_log.status == SessionLog.START:
            # A run that goes on does these steps anew.
            found = {name: {at: y for at, y in points.items() if at < event.step} for name, points in found.items()}
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                found.setdefault(value.tag, {})[event.step] = float(make_ndarray(value.tensor))
    result = {}
    for name, by_step in found.items():
        points = np.array(sorted(by_step.items()), dtype=np.float64).reshape(-1, 2)
        result[name] = Series(name, points[:, 0], points[:, 1])
    return result
