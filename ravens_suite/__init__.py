"""Vision-based tabletop rearrangement as a simulation benchmark.

Importing this package makes its environments known to Gymnasium, and imports neither a simulator nor a network::

    import gymnasium
    import ravens_suite

    environment = gymnasium.make("ravens_suite/BlockInsertion-v0")
"""

from ravens_suite.registry import register_environments

register_environments()
