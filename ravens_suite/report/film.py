"""Films of episodes as they are played, with every frame that the environment draws."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.locks import locked_file
from ravens_suite.errors import ConfigError
from ravens_suite.report.drawing import Picture
from ravens_suite.report.video import encode_video


class FilmEpisodes(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Writes an MP4 file of every episode: ``<name>-0.mp4``, ``<name>-1.mp4`` and so on.

    No film takes the place of another one: the numbers go on after the largest that is there, whoever made it. Several
    environments may film into one folder, also at once.

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
        self._first = Path(folder) / f"{name}-0.mp4"
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
        with locked_file(self._first, "filming to", wait=True):
            write_bytes(self._next(), [film.data])

    def _next(self) -> Path:
        """The file of the next film."""
        name = self._first.name.removesuffix("0.mp4")
        films = re.compile(rf"{re.escape(name)}(\d+)\.mp4")
        found = (films.fullmatch(path.name) for path in self._first.parent.iterdir())
        last = max((int(each[1]) for each in found if each is not None), default=-1)
        return self._first.with_name(f"{name}{last + 1}.mp4")
