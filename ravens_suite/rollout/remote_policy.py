"""A policy behind a server, as the rollout takes it: whole chunks are asked for, and carried out action by action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.errors import ConfigError, ConflictError, InvalidMessageError, OracleGaveUpError, PolicyServerError
from ravens_suite.rollout.policy_client import OURS, PolicyClient, Served


class RemotePolicy:
    """A policy behind a server, for an environment.

    A connection that broke is made anew when an episode begins. The server is then asked again what it serves, and
    refused if that is another policy.

    Args:
        served: what is to be there.
        action_space: of the environment; what only gives rows of numbers is read by it.

    Raises:
        ConflictError: it serves something else by now.
        PolicyServerLostError: there is no server.
    """

    def __init__(self, served: Served, action_space: gymnasium.Space[Any]) -> None:
        self._served = served
        self._layout = _Layout(action_space)
        self._client = PolicyClient(served.address)
        self._chunk: list[Action] = []
        self._confidence: Any = None
        self._check_identity()

    def check(self, interface: Interface) -> None:
        """Let the server check that the policy reads and gives what an environment does.

        Raises:
            ConfigError: it does not.
        """
        if self._served.ours:
            self._tell({"interface": interface.to_json()})

    def reset(self, seed: int) -> None:
        """An episode begins; servers that are not of the suite are not told, for openpi's protocol has no words for it.

        Raises:
            ConflictError: the server that came back serves another policy.
            PolicyServerLostError: there is no server.
        """
        self._chunk = []
        if not self._client.connected:
            self._client.connect(self._served.address.wait)
            self._check_identity()
        if self._served.ours:
            self._tell({"reset": seed})

    def act(self, observation: Observation) -> Action:
        """The next action of a chunk, or the first of the next chunk. See ``Policy``.

        Raises:
            OracleGaveUpError: the policy says that there is nothing left that it can do.
            PolicyServerError: what the server answers is no action.
        """
        if not self._chunk:
            self._confidence = None
            self._chunk = self._actions(self._client.infer(observation))
        return self._chunk.pop(0)

    def confidence(self) -> Any:
        """What the policy said of its last action, see ``confidence_of``; ``None`` where the server does not say."""
        return self._confidence

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _actions(self, answer: Mapping[Any, Any]) -> list[Action]:
        """The actions of an answer that are to be carried out; at least one."""
        said = answer.get(OURS)
        if isinstance(said, dict) and "gave_up" in said:
            raise OracleGaveUpError(str(said["gave_up"]))
        if isinstance(said, dict) and "action" in said:
            self._confidence = said.get("confidence")
            return [said["action"]]
        url = self._served.address.url
        if "actions" not in answer:
            keys = ", ".join(map(repr, answer)) or "nothing"
            raise PolicyServerError(f"The policy server at {url} answers {keys}, without 'actions'.")
        try:
            return self._layout.actions(answer["actions"])[: self._served.address.execute]
        except InvalidMessageError as error:
            raise PolicyServerError(f"The policy server at {url}: {error}") from error

    def _tell(self, words: Mapping[str, Any]) -> None:
        answer = self._client.infer({OURS: words}).get(OURS)
        if isinstance(answer, dict) and "refused" in answer:
            raise ConfigError(str(answer["refused"]))

    def _check_identity(self) -> None:
        now = self._client.served
        if (now.ours, now.policy) != (self._served.ours, self._served.policy):
            self._client.close()
            raise ConflictError(
                f"The server at {self._served.address.url} serves {_words(now)}, and this began with "
                f"{_words(self._served)}: start it with that policy again, or run the same command to evaluate what it "
                "serves now."
            )


def _words(served: Served) -> str:
    policy = served.policy
    if not policy:
        return "a policy that does not say what it is"
    version = (policy["fingerprint"] or policy["code"])[:8]
    return f"{policy['name']} {version}".rstrip()


def _array(shape: tuple[int, ...], row: NDArray[np.float64]) -> NDArray[np.float64]:
    return row.reshape(shape).copy()


def _gripper(row: NDArray[np.float64]) -> int | float:
    """Closed from 0.5 on; what is not finite is passed on, to be refused by name."""
    return int(row[0] >= 0.5) if np.isfinite(row[0]) else float(row[0])


class _Layout:
    """How the entries of an action lie in a row of numbers: in the order of the space, which is that of their names."""

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        self._spaces = dict(space.spaces) if isinstance(space, gymnasium.spaces.Dict) else {}
        readers: dict[str, tuple[int, Callable[[NDArray[np.float64]], Any]]] = {}
        for name, part in self._spaces.items():
            if isinstance(part, gymnasium.spaces.Box):
                readers[name] = (int(np.prod(part.shape)), partial(_array, part.shape))
            elif isinstance(part, gymnasium.spaces.Discrete):
                readers[name] = (1, _gripper)
        self._readers = readers

    def actions(self, rows: Any) -> list[Action]:
        """The actions in (actions, numbers) or (numbers,).

        Raises:
            InvalidMessageError: there is no action in it, or its rows are of another length.
        """
        total = sum(count for count, _ in self._readers.values())
        try:
            array = np.asarray(rows, dtype=np.float64)
        except UNREADABLE:
            array = np.zeros(0)
        array = array[None] if array.ndim == 1 else array
        if array.ndim != 2 or not len(array) or array.shape[1] != total or len(self._readers) != len(self._spaces):
            parts = ", ".join(f"{name} {count}" for name, (count, _) in self._readers.items())
            raise InvalidMessageError(
                f"actions of shape {np.shape(rows) if isinstance(rows, np.ndarray) else type(rows).__name__} came. An "
                f"action here is {total} numbers ({parts}), and actions are of shape (actions, {total})."
            )
        return [self._action(row) for row in array]

    def _action(self, row: NDArray[np.float64]) -> Action:
        action, start = {}, 0
        for name, (count, read) in self._readers.items():
            action[name] = read(row[start : start + count])
            start += count
        return action
