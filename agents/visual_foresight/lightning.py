"""Training through Lightning Fabric: on several devices, and with its loggers. It is an extra; nothing else needs it.

Each further device has a process of its own, which this one starts and tells each step. All draw the same batch and
learn from their part of it; Fabric (DDP) averages the gradients, so that all take the same step and hold the same
weights. What is written into the run's folder, this process alone writes.
"""

from __future__ import annotations

import multiprocessing
import socket
import weakref
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch import Tensor, nn

from ravens_suite.errors import ConfigError, missing_library

from ..common.devices import choose_bfloat16, choose_device
from .config import VisualForesightConfig
from .dataset import TransitionDataset
from .models.base import Window

LIGHTNING = ("lightning", "devices", "csv_log")
"""Settings of training through Lightning; acting does without."""
_WAIT = timedelta(minutes=5)
"""How long a process waits for the others: for all to begin, and in each step."""


def check_lightning(config: VisualForesightConfig, device: torch.device) -> None:
    """Refuse settings that training through Lightning cannot follow.

    Args:
        config: settings of the agent.
        device: of its weights.

    Raises:
        ConfigError: settings contradict each other, or the machine has fewer devices.
        MissingLibraryError: the extra is not installed.
    """
    if not config.lightning:
        for name in LIGHTNING[1:]:
            if getattr(config, name) != getattr(VisualForesightConfig(), name):
                raise ConfigError(f'{name} is a setting of Lightning: set "lightning": true in --config, too.')
        return
    if find_spec("lightning_fabric") is None:
        raise missing_library("lightning_fabric")
    if config.batch % config.devices:
        raise ConfigError(
            f'{config.devices} devices share the batch of {config.batch}: set "batch" to a multiple of {config.devices}'
            " in --config."
        )
    if device.type == "cuda" and torch.cuda.device_count() < config.devices:
        raise ConfigError(f"There are {torch.cuda.device_count()} GPUs: set fewer devices in --config.")


class Lightning:
    """Gradient steps of one process.

    Args:
        model: what is trained. Its weights stay its own.
        adam: its optimiser.
        config: settings of the agent.
        device: of the first process's weights.
        rank: number of this process, from 0.
        port: at which all meet, if there are several.
    """

    def __init__(
        self,
        model: nn.Module,
        adam: torch.optim.Optimizer,
        config: VisualForesightConfig,
        device: torch.device,
        rank: int = 0,
        port: int = 0,
    ) -> None:
        from lightning_fabric import Fabric
        from lightning_fabric.loggers import CSVLogger

        self.rank, self.count = rank, config.devices
        # Each step is written at once: a run may be killed.
        logs = CSVLogger(config.csv_log, flush_logs_every_n_steps=1) if config.csv_log and rank == 0 else None
        self.fabric = Fabric(
            accelerator=device.type,
            devices=config.devices,
            strategy=_strategy(rank, config.devices, port) if config.devices > 1 else "auto",
            precision="bf16-mixed" if choose_bfloat16(config.precision, device) else "32-true",
            loggers=logs,
        )
        self.fabric.launch()
        self.model, self.adam = self.fabric.setup(model, adam)
        self.model.mark_forward_method("losses")

    def part(self, window: Window) -> Window:
        """The examples of a batch that this process learns from."""
        own = len(window.actions) // self.count
        return Window(*(each[self.rank * own : (self.rank + 1) * own] for each in window))

    def losses(self, window: Window, generator: torch.Generator) -> dict[str, Tensor]:
        """Those of the model for this process's part of a batch. See ``WorldModel.losses``."""
        with self.fabric.autocast():
            found: dict[str, Tensor] = self.model.losses(self.part(window), generator)
        return found

    def mean(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the losses, () float32 each, are over the whole batch; for showing only."""
        shown = {name: loss.detach().clone() for name, loss in losses.items()}
        return {name: self.fabric.all_reduce(loss, reduce_op="mean") for name, loss in shown.items()}

    def log(self, figures: dict[str, float], step: int) -> None:
        """To Lightning's logger, if there is one; the run's own logs are written anyway."""
        if self.fabric.loggers:
            self.fabric.log_dict(figures, step)


class Followers:
    """The processes of the other devices; they end with this object, and with this process.

    Args:
        kind: of the agent.
        config: its settings.
        seed: its seed.
        state: of its training, at the step that comes first: tensors by name, see ``Trainee.training_state``.
        dataset: what it learns from.
        port: at which all meet.
    """

    def __init__(
        self,
        kind: type[Any],
        config: VisualForesightConfig,
        seed: int,
        state: dict[str, Tensor],
        dataset: TransitionDataset,
        port: int,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        processes: list[BaseProcess] = []
        for rank in range(1, config.devices):
            ours, theirs = context.Pipe()
            device = f"cuda:{rank}" if choose_device(config.device).type == "cuda" else config.device
            own = replace(config, device=device, csv_log="")
            threads = torch.get_num_threads()
            arguments = (kind, own, seed, state, dataset, rank, port, threads, theirs)
            process = context.Process(target=follow, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            processes.append(process)
        weakref.finalize(self, _end, tuple(self.pipes), tuple(processes))

    def step(self, step: int, periods: Sequence[tuple[int, int]] = ()) -> None:
        """Let them take a step.

        Args:
            step: its number.
            periods: steps (first, end) over which the learning rate comes down, see ``Trainee.wind_down``.
        """
        for pipe in self.pipes:
            try:
                pipe.send((step, tuple(periods)))
            except OSError as error:
                raise RuntimeError("A process of another device has ended; its error is above.") from error


def follow(
    kind: type[Any],
    config: VisualForesightConfig,
    seed: int,
    state: dict[str, Tensor],
    dataset: TransitionDataset,
    rank: int,
    port: int,
    threads: int,
    pipe: Connection,
) -> None:
    """What a process of another device does: the steps that it is told, until the pipe is closed.

    Args:
        kind: of the agent.
        config: its settings.
        seed: its seed.
        state: of its training, at the step that comes first: tensors by name, see ``Trainee.training_state``.
        dataset: what it learns from.
        rank: number of this process, from 1.
        port: at which all meet.
        threads: of torch.
        pipe: on which the numbers of steps come, each with the periods over which the learning rate comes down.
    """
    torch.set_num_threads(threads)
    agent = kind(config, seed)
    agent.set_training_state(state)
    agent.join(rank, port)
    while True:
        try:
            step, periods = pipe.recv()
        except EOFError:
            return
        agent.wind_down(periods)
        agent.fit_step(dataset, step)


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _end(pipes: tuple[Connection, ...], processes: tuple[BaseProcess, ...]) -> None:
    """Close the pipes, and the group of the processes."""
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.join(timeout=10)
        process.terminate()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _strategy(rank: int, count: int, port: int) -> Any:
    """DDP among processes that are started here rather than by Lightning, which would run the command line again."""
    from lightning_fabric.plugins.environments import ClusterEnvironment
    from lightning_fabric.strategies import DDPStrategy

    class Started(ClusterEnvironment):  # type: ignore[misc]  # Where the extra is missing, its base is unknown.
        """Processes of this machine whose numbers are known."""

        creates_processes_externally = True
        main_address = "127.0.0.1"
        main_port = port

        @staticmethod
        def detect() -> bool:
            return False

        def world_size(self) -> int:
            return count

        def set_world_size(self, size: int) -> None:
            """It stays."""

        def global_rank(self) -> int:
            return rank

        def set_global_rank(self, rank: int) -> None:
            """It stays."""

        def local_rank(self) -> int:
            return rank

        def node_rank(self) -> int:
            return 0

    # A model may leave weights unused, as one that learns no picture does.
    return DDPStrategy(cluster_environment=Started(), timeout=_WAIT, find_unused_parameters=True)
