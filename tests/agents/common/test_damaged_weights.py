"""Files of weights and of training states: a flipped byte is named, whatever it meant."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravens_suite.agents.base import Agent
from ravens_suite.core.observations import ArraySpec, Interface
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.errors import ConflictError, DamagedDataError, RavensError
from ravens_suite.registry import load_agent


def _agent() -> Agent[object]:
    agent = load_agent("state-mlp")
    specs = {"state": ArraySpec((22,), "float64"), "state_names": ArraySpec((), "str")}
    pose = ArraySpec((7,), "float64")
    return agent(agent.config_type(), 0, Interface(specs, {"pick": pose, "place": pose}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> PolicyFolder:
    folder = tmp_path_factory.mktemp("policy")
    agent = _agent()
    agent.save(folder)
    agent.save_training(folder / "training.safetensors", 7)
    return PolicyFolder(folder)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rng=st.randoms(use_true_random=False))
def test_a_flipped_byte_of_the_weights_is_named(saved: PolicyFolder, tmp_path: Path, rng: random.Random) -> None:
    good = saved.weights.read_bytes()
    whole = 8 + int.from_bytes(good[:8], "little")
    bad = bytearray(good)
    bad[rng.randrange(whole) if rng.random() < 0.3 else rng.randrange(whole, len(bad))] ^= 1 << rng.randrange(8)
    PolicyFolder(tmp_path).weights.write_bytes(bad)
    PolicyFolder(tmp_path).settings.write_bytes(saved.settings.read_bytes())
    try:
        loaded = type(_agent()).load(tmp_path)
    except RavensError as error:
        assert "weights" in str(error)
        return
    for name, tensor in _agent().weights().items():
        assert torch.equal(loaded.weights()[name], tensor)


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"agent": "state-mlp"}', "{", "[" * 100_000])
def test_forged_settings_are_named(saved: PolicyFolder, tmp_path: Path, text: str) -> None:
    PolicyFolder(tmp_path).weights.write_bytes(saved.weights.read_bytes())
    PolicyFolder(tmp_path).settings.write_text(text)
    with pytest.raises(DamagedDataError, match="agent"):
        type(_agent()).load(tmp_path)


@pytest.mark.parametrize("interface", [[], {}, {"control": 1, "observation": {}, "action": {}}])
def test_a_forged_interface_is_named(saved: PolicyFolder, tmp_path: Path, interface: object) -> None:
    PolicyFolder(tmp_path).weights.write_bytes(saved.weights.read_bytes())
    value = {**json.loads(saved.settings.read_text()), "interface": interface}
    PolicyFolder(tmp_path).settings.write_text(json.dumps(value))
    with pytest.raises(DamagedDataError, match="interface"):
        type(_agent()).load(tmp_path)


def test_a_setting_of_another_version_is_named_with_the_file(saved: PolicyFolder, tmp_path: Path) -> None:
    PolicyFolder(tmp_path).weights.write_bytes(saved.weights.read_bytes())
    value = json.loads(saved.settings.read_text())
    value["config"]["widht"] = value["config"].pop("width")
    PolicyFolder(tmp_path).settings.write_text(json.dumps(value))
    with pytest.raises(ConflictError, match=r"agent\.json was made by another version .*'widht'.*mean 'width'.*again"):
        type(_agent()).load(tmp_path)


def test_a_training_state_without_its_step_or_with_a_flipped_byte_is_named(saved: PolicyFolder, tmp_path: Path) -> None:
    path = saved.path / "training.safetensors"
    assert _agent().load_training(path) == 7
    bad = bytearray(path.read_bytes())
    bad[-5] ^= 8
    (tmp_path / "training.safetensors").write_bytes(bad)
    with pytest.raises(DamagedDataError, match="training"):
        _agent().load_training(tmp_path / "training.safetensors")
    (tmp_path / "training.safetensors").write_bytes(saved.weights.read_bytes())
    with pytest.raises(DamagedDataError, match="does not say its step"):
        _agent().load_training(tmp_path / "training.safetensors")
