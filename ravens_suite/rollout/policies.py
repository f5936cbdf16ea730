"""Policies: the scripted oracle, random actions, functions, trained agents, policy servers; and how one is named.

All of them go through the same rollout, evaluation and report. See ``core/policy.py`` for the interface.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np

from ravens_suite.core.geometry import yaw_quaternion
from ravens_suite.core.modules import load_object
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action, Policy
from ravens_suite.core.source_digest import digest_of_files, imported_names, own_files, source_text
from ravens_suite.data.run_folder import PolicyFolder, RunFolder, name_of_copy
from ravens_suite.errors import ConfigError, MissingDataError, blame
from ravens_suite.registry import load_agent, source_of
from ravens_suite.rollout.exploration import EXPLORE, ExplorePolicy, WithExploration
from ravens_suite.rollout.policy_client import SCHEMES, PolicyClient, Served, ask_what_is_served
from ravens_suite.rollout.policy_code import code_of, of_the_suite, outside_of
from ravens_suite.rollout.remote_policy import RemotePolicy

ORACLE, RANDOM = "oracle", "random"


class OraclePolicy:
    """The scripted oracle, which sees everything.

    Args:
        environment: whose oracle it is; wrappers may lie around it.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self._oracle_action: Callable[[], Action] = environment.get_wrapper_attr("oracle_action")

    def reset(self, seed: int) -> None:
        """Nothing to forget: the environment seeds its oracle."""

    def act(self, observation: Observation) -> Action:
        """What the oracle would do now; the observation is not looked at. See ``Policy``."""
        return self._oracle_action()


class RandomPolicy:
    """Poses drawn uniformly over the workspace, the tool straight down and turned by any yaw; all else from its space.

    Of quaternions drawn from their box most tilt the tool farther than the arm can, so that nothing would be touched.

    Args:
        action_space: of the environment. A box of shape (7,) is a pose: position in metres, quaternion (x, y, z, w).

    Raises:
        ConfigError: actions of this space have no names.
    """

    def __init__(self, action_space: gymnasium.Space[Any]) -> None:
        if not isinstance(action_space, gymnasium.spaces.Dict):
            raise ConfigError(f"Actions must be a Dict space of arrays by name; got {type(action_space).__name__}.")
        self._spaces = action_space.spaces
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Draw anew from a seed."""
        self._rng = np.random.default_rng(seed)
        for index, space in enumerate(self._spaces.values()):
            space.seed(seed + index)

    def act(self, observation: Observation) -> Action:
        """A random action; the observation is not looked at. See ``Policy``."""
        return {name: self._value(space) for name, space in self._spaces.items()}

    def _value(self, space: gymnasium.Space[Any]) -> Any:
        if not isinstance(space, gymnasium.spaces.Box) or space.shape != (7,):
            return space.sample()
        position = self._rng.uniform(space.low[:3], space.high[:3])
        yaw = float(self._rng.uniform(-math.pi, math.pi))
        return np.concatenate([position, yaw_quaternion(yaw)]).astype(space.dtype)


class FunctionPolicy:
    """A plain function from an observation to an action.

    Args:
        function: of an observation (``core/observations.py``); gives what ``Policy.act`` gives.
    """

    def __init__(self, function: Callable[[Observation], Action]) -> None:
        self._function = function
        self.label = getattr(function, "__name__", type(function).__name__)

    def reset(self, seed: int) -> None:
        """A function remembers nothing."""

    def act(self, observation: Observation) -> Action:
        """What the function says. See ``Policy``."""
        return self._function(observation)


def as_policy(value: Any) -> Policy:
    """A policy from what a user has: a policy, a class of policies without arguments, or a plain function.

    Raises:
        ConfigError: it is none of them.
        UserCodeError: its class raised when an object was made of it.
    """
    if isinstance(value, type):
        with blame(f"The policy {value.__name__}, which is made without arguments,"):
            value = value()
    if callable(getattr(value, "act", None)) and callable(getattr(value, "reset", None)):
        policy: Policy = value
        return policy
    if callable(value):
        return FunctionPolicy(value)
    raise ConfigError(
        f"A policy is an object with reset(seed) and act(observation), or a function of an observation; got {value!r}."
    )


@dataclass(frozen=True)
class PolicySpec:
    """Names a policy; enough to construct it in any process.

    Attributes:
        kind: what it is; ``socket`` for what a policy server offers.
        name: ``oracle``, ``random``, ``explore``, the registered name of an agent, or where it or a policy is imported
            from; of a server, what it calls its policy, or its address.
        folder: of the trained agent; empty for others.
        fingerprint: of a trained agent the SHA-256 of its settings and weights; of what is imported, what it says of
            itself in an attribute or method ``fingerprint``; of a server, what it says; empty for others.
        code: digest of the code of an agent or of what is imported, see ``core/source_digest.py``; of a server, what it
            says.
        served: what a policy server says of itself; ``None`` for others.
        outside: of a trained agent, digest of what its settings name outside its folder: code of a user's own, another
            policy; empty where they name nothing.
    """

    kind: Literal["oracle", "random", "explore", "agent", "import", "socket"]
    name: str
    folder: str = ""
    fingerprint: str = ""
    code: str = ""
    served: Served | None = None
    outside: str = ""

    @staticmethod
    def parse(text: str | Path) -> PolicySpec:
        """The policy that a user means.

        Args:
            text: ``oracle``; ``random``; ``explore``; the folder of a training run or of a trained agent; where a
                policy is to be imported from, ``package.module:name`` or ``file.py:name``; or the address of a policy
                server, which is asked what it serves, ``ws://host:port``.

        Raises:
            MissingDataError: there is no such folder, or no trained agent in it.
            ConfigError: the settings of the agent name code that is not there any more.
            PolicyServerLostError: there is no such server.
        """
        text = str(text)
        if text in (ORACLE, RANDOM):
            code = digest_of_files([Path(__file__)], of_the_suite=True)
            return PolicySpec("oracle" if text == ORACLE else "random", text, code=code)
        if text == EXPLORE:
            code = digest_of_files([Path(str(sys.modules[ExplorePolicy.__module__].__file__))], of_the_suite=True)
            return PolicySpec("explore", text, code=code)
        if text.startswith(SCHEMES):
            served = ask_what_is_served(text)
            said = served.policy
            return PolicySpec(
                "socket", served.name, fingerprint=said.get("fingerprint", ""), code=said.get("code", ""), served=served
            )
        if Path(text).is_dir():
            run = RunFolder(Path(text))
            files = run.policy if run.policy.settings.exists() else PolicyFolder(Path(text))
            name = files.agent()
            if run.exists():
                run.record()  # Damaged, or of version 0.1, it is refused here.
            outside = outside_of(files)
            return PolicySpec("agent", name, str(files.path), files.fingerprint(), code_of(name), outside=outside)
        if ":" in text:
            return PolicySpec("import", text, fingerprint=_said_by(text), code=code_of(text))
        raise MissingDataError(
            f"There is no policy {text!r}: give the folder of a training run, oracle, random, explore, module:name of "
            "yours, or the address of a policy server (ws://host:port)."
        )

    def make(self, environment: gymnasium.Env[Any, Any]) -> Policy:
        """The policy, for an environment.

        Raises:
            RavensError: there is no such agent or object, ``Agent.load`` refuses the folder, or the environment's
                state has another length than the one that the agent learnt from.
            ConflictError: a trained agent has other weights by now than when it was named.
        """
        match self.kind:
            case "oracle":
                return OraclePolicy(environment)
            case "random":
                return RandomPolicy(environment.action_space)
            case "explore":
                return ExplorePolicy(environment.action_space)
            case "agent":
                if not self.folder:
                    raise MissingDataError(
                        f"Where the weights of {self.name} lie is not noted: name the folder of its run."
                    )
                with blame(f"load of the agent {self.name}"):
                    agent = load_agent(self.name).load(Path(self.folder))
                PolicyFolder(Path(self.folder)).check_same(self.fingerprint)
                # A server does not know the environment yet, and checks it when it is told of one.
                space = None if environment is None else environment.observation_space
                if isinstance(space, gymnasium.spaces.Dict):
                    check_state(agent, {key: value.shape or () for key, value in space.spaces.items()})
                return agent
            case "import":
                return as_policy(load_object(self.name))
            case "socket":
                if self.served is None:
                    raise ConfigError(
                        f"{self.name} was evaluated at a policy server: start the server, and name its address (ws://...)."
                    )
                return RemotePolicy(self.served, environment.action_space)

    def make_for(self, environment: gymnasium.Env[Any, Any], interface: Interface) -> Policy:
        """The policy, which reads and gives what an environment does.

        Args:
            environment: that it will act in.
            interface: of the environment.

        Raises:
            ConfigError: a trained agent, here or at a server, reads something else or gives other actions.
            RavensError: as ``make`` does.
        """
        if self.kind == "agent":
            load_agent(self.name).check(interface)
        policy = self.make(environment)
        if isinstance(policy, RemotePolicy):
            try:
                policy.check(interface)
            except BaseException:
                policy.close()
                raise
        return policy

    @property
    def is_trained(self) -> bool:
        """Whether it is a trained agent, here or at a server that says in which environments it was trained."""
        return self.kind == "agent" or (self.served is not None and bool(self.served.environments))

    @property
    def label(self) -> str:
        """For a person: of what is imported, the name without the file or the module."""
        return self.name if self.kind == "socket" else self.name.rpartition(":")[2]

    @property
    def folder_name(self) -> str:
        """Name of the folder of its results, unless one is given.

        What a server says of itself is part of it, so that two of its policies have two folders. So are run and step of
        a copy of weights from along the way.
        """
        name = self.name
        if self.folder and (copied := name_of_copy(Path(self.folder))):
            return copied
        if self.kind == "socket":
            for scheme in SCHEMES:
                name = name.removeprefix(scheme)
            name = "-".join(
                filter(None, (name.replace("?", "-").replace("=", "-"), (self.fingerprint or self.code)[:8]))
            )
        return name.replace(":", "-").replace("/", "-")

    @property
    def of_the_suite(self) -> bool:
        """Whether its code is the suite's own."""
        return self.kind in (ORACLE, RANDOM, EXPLORE) or (self.kind != "socket" and of_the_suite(self.name))

    @property
    def asks_elsewhere(self) -> str:
        """The library by which an imported policy that does not identify itself may ask another process; else empty.

        Nobody can know whether a server, or a program that is run, still answers as it did.
        """
        source = source_of(self.name) if self.kind == "import" else None
        if self.fingerprint or source is None:
            return ""
        texts = map(source_text, own_files(*source))
        named = {name for text in texts for name in imported_names(text)}
        return min({name.partition(".")[0] for name in named} & _TALKING | named & {_CLIENT}, default="")

    @property
    def unknown(self) -> str:
        """What it is in words, where nobody can know whether it still does what it did; else empty."""
        if self.kind == "socket" and not (self.fingerprint or self.code):
            return (
                "a policy server that does not say what it serves, which may be something else by now (--force lets "
                "its outcomes count)"
            )
        if library := self.asks_elsewhere:
            return (
                f"a policy that asks another process (it imports {library}), which may answer otherwise by now (a "
                "policy with an attribute fingerprint says what it is)"
            )
        return ""

    def is_that_of(self, noted: Mapping[str, Any]) -> bool:
        """Whether a record, of ``to_json``, is of the same policy; the suite's own code may have changed since."""
        own = self.to_json()
        named = all(noted.get(key) == own[key] for key in ("kind", "name", "fingerprint"))
        same_code = self.of_the_suite or noted.get("code") == self.code
        return named and same_code and noted.get("outside", "") == self.outside

    def to_json(self) -> dict[str, Any]:
        """What an evaluation records of it; without the folder, which may be moved."""
        own = {"kind": self.kind, "name": self.name, "fingerprint": self.fingerprint, "code": self.code}
        return {**own, **({"outside": self.outside} if self.outside else {})}


_TALKING = frozenset(
    (
        *("aiohttp", "asyncio", "ftplib", "grpc", "http", "httpx", "multiprocessing", "paramiko", "pexpect"),
        *("requests", "socket", "socketserver", "ssl", "subprocess", "urllib", "urllib3", "websocket", "websockets"),
        *("xmlrpc", "zmq"),
    )
)
"""Top-level modules by which programs ask other programs."""

_CLIENT = PolicyClient.__module__
"""The suite's own."""


def check_state(agent: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse an environment with other bodies than an agent on states learnt from: its network takes no other length.

    Args:
        agent: trained, or of one's own that keeps no interface.
        shapes: of what is observed, by key.

    Raises:
        ConfigError: the state has another length.
    """
    interface = getattr(agent, "interface", None)
    learnt = None if interface is None else interface.observation.get("state")
    if learnt is None or "state" not in shapes:
        return
    if (shape := shapes["state"]) != learnt.shape:
        raise ConfigError(
            f"{agent.name} learnt from a state of {learnt.shape[0]} numbers, and that of this environment has "
            f"{shape[0] if shape else 0}: it holds other bodies (distractors, occluders, another task). Train on "
            "demonstrations of such scenes, or leave these bodies out."
        )


def close_policy(policy: Policy | None) -> None:
    """Release what a policy holds, or the one in it that explores now and then: a connection to a server."""
    if isinstance(policy, WithExploration):
        policy = policy.policy
    if isinstance(policy, RemotePolicy):
        policy.close()


def _said_by(reference: str) -> str:
    """What an imported policy says it is: its attribute ``fingerprint``, or what the method returns; else empty.

    A class is made for it: what it says may come from a server.
    """
    value = load_object(reference)
    if not hasattr(value, "fingerprint"):
        return ""
    with blame(f"The fingerprint of {reference}"):
        said = getattr(value() if isinstance(value, type) else value, "fingerprint", "")
        return str(said() if callable(said) else said)


@contextmanager
def one_thread(kind: str) -> Iterator[None]:
    """A trained agent acts with one thread of torch, so that no bit depends on the number of cores.

    The number of threads is as before afterwards.

    Args:
        kind: of the policy; others are left alone.
    """
    torch = sys.modules.get("torch")
    # An agent that computes with torch has imported it by now; others need none.
    if kind != "agent" or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def observation_for(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an environment for a policy; for one that ignores observations nothing is drawn."""
    blind = kind in (ORACLE, RANDOM) and "observe" not in arguments and "render_mode" not in arguments
    return {**arguments, "observe": ["proprioception"]} if blind else dict(arguments)
