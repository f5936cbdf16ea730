"""Films of episodes as they are played, with every frame that the environment draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.data.atomic import write_bytes
from ravens_suite.errors import ConfigError
from ravens_suite.report.drawing import Picture
from ravens_suite.report.video import encode_video


class FilmEpisodes(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Writes an MP4 file of every episode: ``<name>-0.mp4``, ``<name>-1.mp4`` and so on.

    With ``render_mode="rgb_array_list"`` the film shows the movement within an action; Gymnasium's ``RecordVideo``
    takes the last frame of each action only. With ``rgb_array`` it has one frame an action, too.

    Args:
        env: with a ``render_mode``.
        folder: where the films go.
        name: how their names begin.

    Raises:
        ConfigError: the environment draws no frames.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], folder: Path | str, name: str = "episode") -> None:
        if env.render_mode not in ("rgb_array", "rgb_array_list"):
            raise ConfigError(
                f"An environment with render_mode={env.render_mode!r} has no frames to film: make it with "
                "render_mode='rgb_array_list'."
            )
        gymnasium.utils.RecordConstructorArgs.__init__(self, folder=str(folder), name=name)
        gymnasium.Wrapper.__init__(self, env)
        self._folder, self._name = Path(folder), name
        self._episode = 0
        self._frames: list[Picture] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; the film of one that was cut short is written first."""
        self._write()
        result = self.env.reset(seed=seed, options=options)
        self._look()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Carry out an action; the film is written when the episode is over."""
        result = self.env.step(action)
        self._look()
        if result[2] or result[3]:
            self._write()
        return result

    def close(self) -> None:
        """Write the film of an episode that was cut short, and close the environment."""
        self._write()
        super().close()

    def _look(self) -> None:
        frames: Any = self.env.render()
        self._frames += frames if isinstance(frames, list) else [frames]

    def _write(self) -> None:
        frames, self._frames = self._frames, []
        if len(frames) < 2:  # Reset and nothing else.
            return
        film = encode_video(frames, size=None, longest=None, rate=int(self.env.metadata["render_fps"]))
        write_bytes(self._folder / f"{self._name}-{self._episode}.mp4", [film.data])
        self._episode += 1
