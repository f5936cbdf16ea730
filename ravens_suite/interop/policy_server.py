"""A policy server: offers a policy over websocket and msgpack, to the suite's own client and to openpi's.

The first message of the server says what it serves, in a map ``ravens_suite``. From then on the client sends a map, and
the server answers with one:

| client sends | server answers |
|---|---|
| arrays and texts by key, an observation | ``actions`` (1, numbers) float64; ``ravens_suite``: ``{"action": ...}`` |
| | with ``confidence`` beside ``action``, 0 to 1, where the policy says how sure it is |
| | where the policy gives up, ``ravens_suite``: ``{"gave_up": why}`` |
| ``ravens_suite``: ``{"reset": seed}`` | ``ravens_suite``: ``{}``; an episode has begun |
| ``ravens_suite``: ``{"interface": ...}`` | ``ravens_suite``: ``{}``, or ``{"refused": why}`` |

What was trained on recordings of a robot is sent observations as they were recorded, and answers in the robot's frame
(``rollout/own_robot.py``).

A row of ``actions`` holds the numbers of an action, its entries in the order of their names: pick (7) and place (7), or
gripper (1) and pose (7). ``action`` is the same by name, bit for bit. What goes wrong is told in a text message, as
openpi's server does, and ends the connection. Form of the messages: ``rollout/policy_messages.py``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ravens_suite import __version__
from ravens_suite.core.modules import load_object
from ravens_suite.core.numbers import UNREADABLE, check_number, is_finite
from ravens_suite.core.observations import Interface
from ravens_suite.core.policy import Policy, confidence_of
from ravens_suite.errors import ConfigError, ConflictError, InvalidMessageError, OracleGaveUpError, RavensError
from ravens_suite.registry import load_agent
from ravens_suite.rollout.environments import make_environment, to_json
from ravens_suite.rollout.evaluation_plan import run_of
from ravens_suite.rollout.exploration import ExplorePolicy
from ravens_suite.rollout.own_robot import RobotPolicy, setup_of
from ravens_suite.rollout.policies import PolicySpec, RandomPolicy, check_state
from ravens_suite.rollout.policy_client import OURS, PROTOCOL
from ravens_suite.rollout.policy_messages import LARGEST_MESSAGE, decode, encode

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

_LOG = logging.getLogger(__name__)
_QUIET = logging.getLogger(f"{__name__}.connection")
_QUIET.setLevel(logging.CRITICAL + 1)
"""What others do wrong on the network is answered to them, and is no traceback here."""

DEFAULT_PORT = 8000
_GRACE_SECONDS = 5.0
_CLOSE_SECONDS = 1.0
_AWAY, _TRY_LATER = 1001, 1013
"""Close codes of websockets (RFC 6455, section 7.4.1)."""
_MEBIBYTE = 2**20


class PolicySource:
    """Makes a policy for each connection, and says what it is.

    Args:
        policy: a run folder, ``random``, ``explore``, or ``file.py:name`` or ``package.module:name`` of a policy or a
            function.
        task: registered name; ``random`` and ``explore`` need it.

    Attributes:
        label: for a person.
        one_object: whether all connections would share one object, so that only one at a time is taken.

    Raises:
        ConfigError: this cannot be served.
        RavensError: what ``PolicySpec.parse`` and ``PolicySpec.make`` raise.
    """

    def __init__(self, policy: str | Path, task: str | None = None) -> None:
        self._text = str(policy)
        spec = PolicySpec.parse(policy)
        if spec.kind == "oracle":
            raise ConfigError(
                "The oracle cannot be served: it looks into the simulator, not at observations. Evaluate it where the "
                "environment is: ravens-suite evaluate oracle TASK."
            )
        if spec.kind == "socket":
            raise ConfigError(f"{policy} is served already: give its address to evaluate.")
        self._space = _action_space(spec, task)
        self.label, self._code, self._outside = spec.label, spec.code, spec.outside
        made = load_object(spec.name) if spec.kind == "import" else None
        self.one_object = callable(getattr(made, "act", None)) and not isinstance(made, type)
        self.make()  # What cannot be loaded is told before anyone connects.

    def make(self) -> tuple[PolicySpec, Policy]:
        """A policy for a connection, and what it is.

        Raises:
            ConflictError: it is written to at this moment.
        """
        spec = self._spec()
        if spec.kind in _DRAWS:
            return spec, _DRAWS[spec.kind](deepcopy(self._space))
        try:
            policy = spec.make(None)  # type: ignore[arg-type]  # Only the oracle and what draws look at it.
        except ConflictError:
            self._check_unwritten(spec)
            raise
        self._check_unwritten(spec)
        run = run_of(spec)
        setup = setup_of(run) if run else None
        return spec, policy if setup is None else RobotPolicy(policy, setup)

    def _check_unwritten(self, spec: PolicySpec) -> None:
        if self._spec() != spec:
            raise ConflictError(f"{self._text} is being written at this moment: connect again.")

    def environments(self, spec: PolicySpec) -> dict[str, Any]:
        """Arguments of the environments that it was trained in, by task; none for a policy without a run."""
        run = run_of(spec)
        environments = run.record()["environments"] if run else {}
        return {task: to_json(environment["arguments"]) for task, environment in environments.items()}

    def _spec(self) -> PolicySpec:
        # The code is that of the start: a module is imported once, whatever becomes of its file.
        return replace(PolicySpec.parse(self._text), code=self._code, outside=self._outside)


_DRAWS: Mapping[str, Callable[[Any], Policy]] = {"random": RandomPolicy, "explore": ExplorePolicy}
"""Policies that draw from the actions of a task."""


def _action_space(spec: PolicySpec, task: str | None) -> Any:
    if spec.kind not in _DRAWS:
        if task is not None:
            raise ConfigError(
                f"Only random and explore are served for a task, and {spec.label} is not: leave {task!r} out. Who "
                "evaluates it says in which task."
            )
        return None
    if task is None:
        raise ConfigError(
            f"The policy {spec.kind} draws from the actions of a task: ravens-suite serve {spec.kind} TASK."
        )
    environment = make_environment(task, "test", {"observe": ["proprioception"]})
    try:
        return environment.action_space
    finally:
        environment.close()


class PolicyServer:
    """Serves a policy, a thread and a policy object for each connection.

    Args:
        policy: what is served, see ``PolicySource``.
        task: registered name; ``random`` and ``explore`` need it.
        host: name or address to listen at; others than this machine reach it only where it is told so.
        port: to listen at; 0 for any that is free.
        clients: most connections at a time.
        idle: seconds after which a connection that asks for nothing is closed.
        largest_message: bytes of a message at most.

    Attributes:
        url: where it listens.

    Raises:
        ConfigError: this cannot be served, or not there.
    """

    def __init__(
        self,
        policy: str | Path,
        task: str | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        clients: int = 16,
        idle: float = 600.0,
        largest_message: int = LARGEST_MESSAGE,
    ) -> None:
        check_number("--port", port, 0, 65535)
        check_number("--clients", clients, 1, 1000)
        check_number("--largest-message", largest_message, 1024, 1024 * _MEBIBYTE)
        seconds: Any = idle
        if not is_finite(seconds) or not 0 < seconds <= 86400:
            raise ConfigError(f"--idle must be a number of seconds from 1 to 86400, not {idle!r}.")
        self.source = PolicySource(policy, task)
        self._clients = 1 if self.source.one_object else clients
        # Numbers of NumPy's are no times to wait for a thread.
        self._idle, self._largest = float(idle), largest_message
        self._places = threading.Condition()
        self._connections: set[ServerConnection] = set()
        self._stopping = False
        self._server = _listen(self._serve, host, port, largest_message)
        host, port = self._server.socket.getsockname()[:2]
        self.url = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
        # Threads of connections inherit from this one that they end with the process, whatever a policy is at.
        self._thread = threading.Thread(target=self._server.serve_forever, name="policy server", daemon=True)

    def start(self) -> None:
        """Take connections from now on, in threads of their own."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is closed; a signal ends the waiting."""
        while self._thread.is_alive():
            self._thread.join(1.0)

    def close(self) -> None:
        """Close the connections and stop; a policy that is computing is waited for some seconds."""
        with self._places:
            self._stopping = True
            self._places.notify_all()
            connections = list(self._connections)
        closing = [threading.Thread(target=connection.close, args=(_AWAY,), daemon=True) for connection in connections]
        closing.append(threading.Thread(target=self._server.shutdown, daemon=True))
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(_GRACE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, connection: ServerConnection) -> None:
        """The life of a connection."""
        from websockets.exceptions import ConnectionClosed

        try:
            if refusal := self._enter(connection):
                connection.send(refusal)
                connection.close(_TRY_LATER)
                return
            try:
                session = _Session(self.source, self._largest)
                connection.send(session.metadata())
                while True:
                    connection.send(session.answer(connection.recv(timeout=self._idle)))
            except (ConnectionClosed, TimeoutError):
                raise
            except RavensError as error:
                connection.send(f"{type(error).__name__}: {' '.join(str(error).split())}")
            except Exception as error:
                _LOG.exception("The policy %s failed", self.source.label)
                connection.send(f"The policy failed with {type(error).__name__}: {error}")
        except (ConnectionClosed, TimeoutError):
            return
        finally:
            with self._places:
                self._connections.discard(connection)
                self._places.notify_all()

    def _enter(self, connection: ServerConnection) -> str:
        """Why a connection is refused; empty where it is taken."""
        with self._places:
            self._places.wait_for(lambda: not self._may_be_freed(), _GRACE_SECONDS)
            if self._stopping:
                return "This server is being stopped."
            if self._may_be_freed():
                return "The policy still computes an answer for a client that has left: try again later."
            if len(self._connections) >= self._clients:
                why = " (all would share one object: serve a class)" if self.source.one_object else ""
                return f"This server takes {self._clients} clients at a time{why}: try again later."
            self._connections.add(connection)
            return ""

    def _may_be_freed(self) -> bool:
        """Whether all places are taken, and a client that has one is gone.

        A client that closes its connection learns that it is closed before the thread here does, and may connect again
        in between.
        """
        from websockets.protocol import State

        gone = any(connection.state is not State.OPEN for connection in self._connections)
        return len(self._connections) >= self._clients and gone and not self._stopping


def _listen(handler: Callable[[ServerConnection], None], host: str, port: int, largest_message: int) -> Any:
    from websockets.sync.server import serve

    try:
        return serve(
            handler,
            host,
            port,
            # Pages in a browser on this machine would reach it, too; only they name where they come from.
            origins=[None],
            compression=None,
            max_size=largest_message,
            max_queue=2,
            close_timeout=_CLOSE_SECONDS,
            logger=_QUIET,
        )
    except OSError as error:
        raise ConfigError(
            f"Cannot listen at {host}, port {port} ({error.strerror or error}): choose another --port or --host."
        ) from error


class _Session:
    """What is answered on one connection.

    Args:
        source: of the policy.
        largest_message: bytes that the server takes.
    """

    def __init__(self, source: PolicySource, largest_message: int) -> None:
        self._spec, self._policy = source.make()
        self._environments = source.environments(self._spec)
        self._largest = largest_message
        self._began = False

    def metadata(self) -> bytes:
        """The first message."""
        spec = self._spec
        # Code that asks yet another process says nothing of what that one answers.
        code = "" if spec.asks_elsewhere else "+".join(filter(None, (spec.code, spec.outside)))
        policy = {"kind": spec.kind, "name": spec.label, "fingerprint": spec.fingerprint, "code": code}
        said = {
            "protocol": PROTOCOL,
            "version": __version__,
            "policy": policy,
            "environments": self._environments,
            "largest_message": self._largest,
        }
        return encode({OURS: said})

    def answer(self, message: bytes | str) -> bytes:
        """The answer to a message.

        Raises:
            InvalidMessageError: it is none.
        """
        if isinstance(message, str):
            raise InvalidMessageError("A message must be of bytes (a map in msgpack), not of text.")
        request = decode(message)
        if OURS in request:
            return encode({OURS: self._told(request[OURS])})
        if not self._began:
            # Clients of openpi never say that an episode begins.
            self._policy.reset(0)
            self._began = True
        try:
            action = self._policy.act(request)
        except OracleGaveUpError as error:
            return encode({OURS: {"gave_up": str(error)}})
        sure = confidence_of(self._policy)
        said = {"action": _sendable(action), **({} if sure is None else {"confidence": sure})}
        return encode({**_row(action), OURS: said})

    def _told(self, words: Any) -> dict[str, str]:
        match words:
            case {"reset": int(seed)} if seed >= 0:
                self._policy.reset(seed)
                self._began = True
            case {"interface": dict(value)}:
                return self._check(value)
            case _:
                raise InvalidMessageError(f"{OURS} must say {{'reset': seed}} or {{'interface': ...}}.")
        return {}

    def _check(self, value: Mapping[str, Any]) -> dict[str, str]:
        if isinstance(self._policy, RobotPolicy):
            return {
                "refused": "It was trained on recordings of a robot, and takes observations as they were recorded: "
                "color, depth, intrinsics and extrinsics in the robot's frame. Evaluate the run itself."
            }
        if self._spec.kind != "agent":
            return {}
        try:
            interface = Interface.from_json(value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidMessageError(f"The interface of an environment is not one ({error!r}).") from error
        try:
            load_agent(self._spec.name).check(interface)
            check_state(self._policy, {key: spec.shape for key, spec in interface.observation.items()})
        except ConfigError as error:
            return {"refused": str(error)}
        return {}


def _sendable(value: Any) -> Any:
    """What a policy gave, as messages hold it: other arrays than NumPy's, such as tensors, as NumPy's.

    What is no action is passed on, for the environment says what is wrong with it. So is an array alone, which is one
    where there is one pose.
    """
    if isinstance(value, Mapping):
        return {name: _sendable(part) for name, part in value.items()}
    if value is None or isinstance(value, bool | int | float | str | bytes | np.ndarray | np.generic):
        return value
    try:
        array = np.asarray(value)
    except UNREADABLE:
        return value
    return array if array.dtype.kind in "biuf" else value


def _row(action: Any) -> dict[str, Any]:
    """``actions`` for clients of openpi, where an action is of numbers only."""
    parts = []
    for part in [action[name] for name in sorted(action)] if isinstance(action, Mapping) else [action]:
        try:
            parts.append(np.asarray(part, dtype=np.float64).reshape(-1))
        except UNREADABLE:
            return {}
    return {"actions": np.concatenate(parts)[None]} if parts else {}
