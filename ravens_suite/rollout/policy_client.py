"""The client of a policy server: a policy that runs in another process, another Python, on another machine.

``evaluate ws://127.0.0.1:8000 TASK`` uses it, and scripts can::

    with PolicyClient("ws://127.0.0.1:8000") as client:
        answer = client.infer({"state": state, "prompt": "put the red block into the bowl"})

Servers of the suite (``interop/policy_server.py``) say what they serve, in the map ``ravens_suite`` of their first
message. So do no others that speak like openpi's server: those are taken, too, but nobody can know what they serve.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from ravens_suite.errors import ConfigError, InvalidMessageError, PolicyServerError, PolicyServerLostError
from ravens_suite.rollout.policy_messages import LARGEST_MESSAGE, decode, encode

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

SCHEMES = ("ws://", "wss://")
OURS = "ravens_suite"
"""The key of what only the suite's own servers and clients say to each other."""
PROTOCOL = 1
_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_GREETING_SECONDS = 30.0
"""In which a server says what it serves, at least: it may wait for a client that leaves, and makes its policy first."""
_RETRY_SECONDS = 0.2
_EXECUTE, _TIMEOUT, _WAIT = "execute", "timeout", "wait"
_MOST_SECONDS = 86400.0
_MOST_ACTIONS = 10_000


@dataclass(frozen=True)
class ServerAddress:
    """Where a policy server is, and how it is used: ``ws://host:port?execute=4&timeout=300&wait=30``.

    Attributes:
        url: without these three; any other part of the query is the server's.
        execute: how many actions of a chunk are carried out before the next is asked for.
        timeout: seconds that an answer may take; what a server says first may take 30 all the same.
        wait: seconds to wait for a server that is gone to come back, at the start of an episode.
    """

    url: str
    execute: int = 1
    timeout: float = 120.0
    wait: float = 10.0

    @staticmethod
    def parse(text: str) -> ServerAddress:
        """The address in a text.

        Raises:
            ConfigError: it is none, or one of the three numbers cannot be.
        """
        try:
            parts = urlsplit(text)
            valid = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid or parts.fragment:
            raise ConfigError(f"{text!r} is not the address of a policy server: write ws://127.0.0.1:8000.")
        query = parse_qsl(parts.query, keep_blank_values=True)
        own = {key: value for key, value in query if key in (_EXECUTE, _TIMEOUT, _WAIT)}
        rest = urlencode([(key, value) for key, value in query if key not in own])
        execute = _number(text, own, _EXECUTE, 1, 1, _MOST_ACTIONS)
        if execute != int(execute):
            raise ConfigError(f"execute in {text!r} must be a whole number of actions.")
        return ServerAddress(
            parts._replace(query=rest).geturl(),
            int(execute),
            _number(text, own, _TIMEOUT, 120.0, 0.1, _MOST_SECONDS),
            _number(text, own, _WAIT, 10.0, 0.0, _MOST_SECONDS),
        )

    @property
    def suffix(self) -> str:
        """What results depend on beside the policy: how much of a chunk is carried out; empty for one action."""
        return f"?{_EXECUTE}={self.execute}" if self.execute > 1 else ""


def _number(text: str, query: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(query.get(name, default))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise ConfigError(f"{name} in {text!r} must be a number from {least:g} to {most:g}.")
    return value


@dataclass(frozen=True)
class Served:
    """What a policy server says it serves.

    Attributes:
        address: of the server.
        ours: whether it is a server of the suite, which is told when an episode begins.
        policy: ``kind``, ``name``, ``fingerprint`` and ``code`` of the policy, see ``PolicySpec``; empty texts for a
            server that does not say.
        environments: arguments of the environments that the policy was trained in, by task.
        largest_message: bytes that it takes.
    """

    address: ServerAddress
    ours: bool = False
    policy: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    largest_message: int = LARGEST_MESSAGE

    @staticmethod
    def of(address: ServerAddress, metadata: Mapping[Any, Any]) -> Served:
        """From the first message of a server.

        Raises:
            PolicyServerError: it is a server of the suite, but of another version.
        """
        said = metadata.get(OURS)
        if not isinstance(said, dict):
            return Served(address)
        try:
            if int(said["protocol"]) != PROTOCOL:
                raise PolicyServerError(
                    f"The server at {address.url} speaks version {said['protocol']} of the protocol, this suite "
                    f"version {PROTOCOL}: install the same version of ravens-suite on both sides."
                )
            policy = {key: str(said["policy"][key]) for key in ("kind", "name", "fingerprint", "code")}
            environments = {str(task): dict(arguments) for task, arguments in said["environments"].items()}
            return Served(address, True, policy, environments, int(said["largest_message"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PolicyServerError(
                f"The server at {address.url} does not say what it serves as this suite expects it ({error!r}): "
                "install the same version of ravens-suite on both sides."
            ) from error

    @property
    def name(self) -> str:
        """What results are noted under: the name of the policy, or the address where the server does not say."""
        return (self.policy.get("name") or self.address.url) + self.address.suffix


def ask_what_is_served(text: str) -> Served:
    """What the server at an address says it serves.

    Raises:
        ConfigError: the text is no address.
        PolicyServerLostError: there is no server.
    """
    with PolicyClient(text) as client:
        return client.served


class PolicyClient:
    """A connection to a policy server.

    Args:
        address: of it; see ``ServerAddress``.

    Attributes:
        metadata: what the server said first.
        served: what of it the suite understands.

    Raises:
        ConfigError: the text is no address.
        PolicyServerLostError: there is no server.
    """

    def __init__(self, address: str | ServerAddress) -> None:
        self._address = address if isinstance(address, ServerAddress) else ServerAddress.parse(address)
        self._connection: ClientConnection | None = None
        self._closing = ExitStack()
        self.metadata: Mapping[Any, Any] = {}
        self.connect()

    @property
    def connected(self) -> bool:
        """Whether the connection is there, as far as was noticed."""
        return self._connection is not None

    def connect(self, wait: float = 0.0) -> None:
        """Connect anew.

        Args:
            wait: seconds in which a server that refuses is asked again.

        Raises:
            PolicyServerLostError: there is no server.
        """
        from websockets.exceptions import InvalidURI, WebSocketException
        from websockets.sync.client import connect

        self.close()
        until = time.monotonic() + wait
        while True:
            try:
                # No proxy: a simulation and its policy run on machines of one network, if not on the same. The logger
                # is quiet, for whatever goes wrong is raised below.
                self._connection = self._closing.enter_context(
                    connect(
                        self._address.url,
                        compression=None,
                        max_size=LARGEST_MESSAGE,
                        open_timeout=_OPEN_SECONDS,
                        close_timeout=_CLOSE_SECONDS,
                        proxy=None,
                        logger=_QUIET,
                    )
                )
                break
            except InvalidURI as error:
                raise ConfigError(f"{self._address.url!r} is not the address of a policy server: {error}.") from error
            except (OSError, WebSocketException) as error:
                if time.monotonic() >= until:
                    raise PolicyServerLostError(
                        f"There is no policy server at {self._address.url} ({_reason(error)}): start it (ravens-suite "
                        "serve RUN), or check host and port. The same command then continues."
                    ) from error
            time.sleep(_RETRY_SECONDS)
        self.metadata = self._receive(max(self._address.timeout, _GREETING_SECONDS))
        self.served = Served.of(self._address, self.metadata)

    def infer(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the server for what it makes of an observation.

        Args:
            observation: arrays, numbers, texts, lists and maps by name.

        Returns:
            Its answer; mostly with ``actions``.

        Raises:
            InvalidMessageError: something in the observation cannot be sent, or the answer cannot be read.
            PolicyServerLostError: the connection broke, or the answer took too long.
            PolicyServerError: the server refuses or fails; its own words are in the message.
        """
        from websockets.exceptions import ConnectionClosed

        message = encode(observation)
        if len(message) > self.served.largest_message:
            raise InvalidMessageError(
                f"The observation has {len(message)} bytes, and the server at {self._address.url} takes "
                f"{self.served.largest_message}: take smaller images (--image-size), or start it with another "
                "--largest-message."
            )
        if self._connection is None:
            raise PolicyServerLostError(f"The connection to {self._address.url} is closed: connect again.")
        with suppress(ConnectionClosed):  # Why it was closed may still lie in what was received.
            self._connection.send(message)
        return self._receive(self._address.timeout)

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._connection = None
        self._closing.close()

    def _receive(self, seconds: float) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed

        if self._connection is None:
            raise PolicyServerLostError(f"The connection to {self._address.url} is closed: connect again.")
        try:
            message = self._connection.recv(timeout=seconds)
        except TimeoutError as error:
            self.close()
            raise PolicyServerLostError(
                f"The policy server at {self._address.url} has not answered for {seconds:g} s: look at "
                f"what it does, or allow more (ws://...?{_TIMEOUT}=SECONDS). What is finished is kept."
            ) from error
        except ConnectionClosed as error:
            self.close()
            raise PolicyServerLostError(
                f"The policy server at {self._address.url} has closed the connection ({_reason(error)}): look at what "
                "it said, start it again, and run the same command. What is finished is kept."
            ) from error
        if isinstance(message, str):
            # As openpi's server does: a text is an error.
            self.close()
            words = " ".join(message.split())[-600:]
            raise PolicyServerError(f"The policy server at {self._address.url} says: {words}")
        return decode(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_QUIET = logging.getLogger(f"{__name__}.connection")
_QUIET.setLevel(logging.CRITICAL + 1)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")
