"""Who acts in the episodes that are collected, and what may lie in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gymnasium

from ravens_suite.core.policy import Policy
from ravens_suite.core.seeding import SPLITS, Split
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, MissingDataError
from ravens_suite.registry import environment_id
from ravens_suite.rollout.environments import (
    checked_arguments,
    describe_interface,
    differing_arguments,
    first_info,
    to_json,
)
from ravens_suite.rollout.evaluation_plan import plan_evaluation
from ravens_suite.rollout.exploration import ExplorePolicy, WithExploration
from ravens_suite.rollout.policies import ORACLE, PolicySpec, RandomPolicy

EXPERIENCE = "experience"
"""Key of the manifest of a folder whose episodes are not the oracle's: true. Of own data it may be anything else."""


@dataclass(frozen=True)
class Actor:
    """Who acts in the episodes that are collected.

    Attributes:
        policy: which.
        explore: share of random actions among its own, 0 to 1: of ``ExplorePolicy`` where actions are picks and places,
            of ``RandomPolicy`` where they are others.
    """

    policy: PolicySpec
    explore: float = 0.0

    @property
    def demonstrates(self) -> bool:
        """Whether its solved episodes are demonstrations, and others are not kept."""
        return self.policy.kind == ORACLE and not self.explore

    def make(self, environment: gymnasium.Env[Any, Any]) -> Policy:
        """The policy, for an environment."""
        if not self.explore:
            return self.policy.make(environment)
        # Where there are no picks to be on objects, actions are drawn anywhere.
        kind = ExplorePolicy if ExplorePolicy.gives(environment.action_space) else RandomPolicy
        # First, as it may refuse the environment: the policy may hold a connection to a server.
        explorer = kind(environment.action_space)
        return WithExploration(self.policy.make(environment), explorer, self.explore)

    def made(self, noted: Any) -> bool:
        """Whether an episode that notes an actor, or ``None`` for none, is of this one."""
        if not isinstance(noted, Mapping):
            return self.demonstrates
        return self.policy.is_that_of(noted) and noted.get("explore", 0.0) == self.explore

    def to_json(self) -> dict[str, Any]:
        """What an episode records of it."""
        return {**self.policy.to_json(), **({"explore": self.explore} if self.explore else {})}


def arguments_for(actor: Actor, task: str, split: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the environment: of a trained agent, those that it was trained in."""
    if actor.policy.kind not in ("agent", "socket"):
        return checked_arguments(task, split, given)
    known: Split = next((name for name in SPLITS if name == split), "train")
    return dict(plan_evaluation(actor.policy, task, known, given).arguments)


def check_kind(store: EpisodeStore, actor: Actor) -> None:
    """Refuse to mix demonstrations with what is none.

    Raises:
        ConflictError: the folder holds the other kind.
    """
    try:
        demonstrations = store.manifest().get(EXPERIENCE) is not True
    except MissingDataError:
        return
    if demonstrations != actor.demonstrates:
        found = "demonstrations of the oracle" if demonstrations else "episodes that are no demonstrations"
        raise ConflictError(
            f"{store.folder} holds {found}: name another --data folder, so that agents learn from one kind alone."
        )


def folder_settings(
    store: EpisodeStore,
    environment: gymnasium.Env[Any, Any],
    task: str,
    split: str,
    arguments: Mapping[str, Any],
    actor: Actor | None = None,
) -> dict[str, Any]:
    """What the episodes of a folder must have in common, JSON values; it resets the environment.

    Arguments are those that the folder has on record, where these make the same environment: ``observe=["images"]`` is
    the default, and no other one.

    Args:
        store: the folder.
        environment: in which they are made.
        task: registered name.
        split: ``train``, ``val`` or ``test``.
        arguments: that the environment was made with.
        actor: who acts; the oracle unless given.
    """
    info = first_info(environment)
    given = {key: value for key, value in arguments.items() if key != "renderer"}
    with suppress(MissingDataError):
        noted = store.manifest().get("arguments", {})
        given = given if differing_arguments(task, noted, given) else noted
    settings: dict[str, Any] = to_json(
        {
            "task": task,
            "split": split,
            "environment": environment_id(task),
            "arguments": given,
            "renderer": str(info["renderer"]),
            "cameras": info["cameras"],
            "interface": describe_interface(environment, task).to_json(),
        }
    )
    return settings if actor is None or actor.demonstrates else {**settings, EXPERIENCE: True}
