"""Collect three oracle demonstrations, write them to disk, and read one back.

python demos/collect_demonstrations.py [DATA]
"""

import sys
from pathlib import Path

from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect

data = Path(sys.argv[1] if len(sys.argv) > 1 else "data")

done = collect("block-insertion", episodes=3, data=data)
print(f"{done.to_json()}")

store = EpisodeStore.of(data, "block-insertion", "train")
episode = store.read(store.seeds()[0])
for name, images in episode.observations.items():
    print(f"{name:18s} {images.shape} {images.dtype}")
print(f"score {episode.score}, strict success {episode.success}, place poses {episode.actions['place'].round(3)}")
megabytes = store.path(episode.seed).stat().st_size / 1e6
print(f"{megabytes / (episode.steps + 1):.3f} MB an observation on disk")
