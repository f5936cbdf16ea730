"""Whether the results of an evaluation on disk are those of the policy, task and environment of now.

They are of something else where the policy, its weights, the task, the split or an argument of the environment is
another one, or where the definition of the task or the code of a user's own agent or policy has changed. They are in
doubt where only the suite has changed, where a policy may do otherwise without a change of its own file, and where
nothing was noted; running one of their seeds again settles it, since an outcome holds how many physics steps every
action took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ravens_suite.rollout.definitions import OF_THE_SUITE, OF_THE_TASK, changed
from ravens_suite.rollout.environments import differing_arguments
from ravens_suite.rollout.policies import ORACLE, RANDOM, PolicySpec
from ravens_suite.rollout.policy_code import of_the_suite


@dataclass(frozen=True)
class Difference:
    """Between what is noted and what is now, in words; each is empty where there is none.

    Attributes:
        other: what is another one.
        changed: what has changed in itself, which a user may judge not to matter.
        doubt: why it may be otherwise.
    """

    other: str = ""
    changed: str = ""
    doubt: str = ""


def compare(noted: Mapping[str, Any], settings: Mapping[str, Any], policy: PolicySpec) -> Difference:
    """How the file of an evaluation differs from one of now.

    Args:
        noted: content of the file.
        settings: ``EvaluationPlan.settings``.
        policy: of the plan.

    Raises:
        KeyError: the file is not one of an evaluation.
    """
    return Difference(_other(noted, settings), _changed(noted, settings, policy), _doubt(noted, settings, policy))


def _other(noted: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    then, now = noted["policy"], settings["policy"]
    if (then["kind"], then["name"]) != (now["kind"], now["name"]):
        return f"another policy ({then['name']})"
    if then["fingerprint"] != now["fingerprint"]:
        return "other weights or settings of the agent" if now["kind"] == "agent" else "another version of the policy"
    for key in ("task", "split", "environment"):
        if noted[key] != settings[key]:
            return f"another {key} ({noted[key]})"
    differing = differing_arguments(settings["task"], noted["arguments"], settings["arguments"])
    if "watch" not in settings and noted.get("watch", {}).get("stop_at", 0) is None:
        # A forecaster that only watched changed nothing; what it reads may have been observed for it alone.
        differing.pop("observe", None)
    elif _who_watches(noted) != _who_watches(settings):
        return "another forecaster watching" if "watch" in noted else "no forecaster watching"
    if now["kind"] in (ORACLE, RANDOM):
        differing.pop("observe", None)  # They read nothing of it.
    for key, (was, is_now) in differing.items():
        return f"another environment ({key} {was!r}, now {is_now!r})"
    return ""


def _who_watches(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which forecaster, apart from its code; ``None`` for none."""
    if "watch" not in settings:
        return None
    return {key: settings["watch"].get(key) for key in ("name", "fingerprint", "stop_at")}


def _changed(noted: Mapping[str, Any], settings: Mapping[str, Any], policy: PolicySpec) -> str:
    if words := changed(noted.get("definition"), settings["definition"], OF_THE_TASK):
        return f"{settings['task']} before a change of {' and '.join(words)}"
    if why := _changed_forecaster(noted.get("watch", {}), settings.get("watch", {})):
        return why
    if policy.fingerprint and policy.kind == "import":
        return ""
    if why := policy.unknown:
        return why
    if noted["policy"].get("code", policy.code) != policy.code and not policy.of_the_suite:
        return "the policy before a change of its code"
    if noted["policy"].get("outside", "") != policy.outside:
        return "the policy before a change of the code, or of another policy, that its settings name"
    return ""


def _changed_forecaster(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How the user's own code of a forecaster differs, in words; empty where it does not, or none was noted."""
    if "code" not in then or "code" not in now:
        return ""
    if then["code"] != now["code"] and not of_the_suite(now["name"]):
        return "the forecaster before a change of its code"
    if then.get("outside", "") != now.get("outside", ""):
        return "the forecaster before a change of the code, or of another policy, that its settings name"
    return ""


def _doubt(noted: Mapping[str, Any], settings: Mapping[str, Any], policy: PolicySpec) -> str:
    if "definition" not in noted:
        return "it was made before a file noted what made it"
    words = changed(noted["definition"], settings["definition"], OF_THE_SUITE)
    if policy.of_the_suite and noted["policy"].get("code", "") != policy.code:
        words.append("the agent's code")
    watch = settings.get("watch")
    if watch and of_the_suite(watch["name"]) and noted.get("watch", {}).get("code", "") != watch["code"]:
        words.append("the forecaster's code")
    if words:
        return f"{' and '.join(words)} changed"
    if policy.kind in ("import", "socket") and not policy.fingerprint:
        return "the policy may have changed, although its file did not"
    return ""
