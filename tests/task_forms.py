"""Which of the registered tasks are tested by the tests that look at all of them."""

from __future__ import annotations

from ravens_suite.registry import load_task, task_names

_OTHER_SCENES_OF_THE_SAME_KIND = ("colors", "objects")
"""Arguments that choose colours or objects only: such a variant is tested by its task's own file."""


def distinct_tasks() -> list[str]:
    """All tasks but those that differ from another one in colours or objects only."""
    return [name for name in task_names() if not set(_OTHER_SCENES_OF_THE_SAME_KIND) & set(load_task(name)[1])]
