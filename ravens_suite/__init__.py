"""Vision-based tabletop rearrangement as a simulation benchmark.

Importing this package makes its environments known to Gymnasium, and imports neither a simulator nor a network::

    import gymnasium
    import ravens_suite

    environment = gymnasium.make("ravens_suite/BlockInsertion-v0")
"""

from importlib.metadata import PackageNotFoundError, version

from ravens_suite.registration import register_agent, register_task
from ravens_suite.registry import register_environments

__all__ = ["__version__", "register_agent", "register_task"]

try:
    __version__ = version("ravens-suite")
except PackageNotFoundError:  # The folder itself is on the path, and nothing was installed.
    __version__ = "unknown"

register_environments()
