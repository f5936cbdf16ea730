"""Code that a user wrote raises, or returns nonsense: it is said whose code, where, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_environment import TASK

from ravens_suite.cli.main import main
from ravens_suite.errors import ConfigError, MissingDataError, UserCodeError, blame

_POLICIES = """
def raises(observation): raise RuntimeError("my bug")
def refused(observation): raise ConnectionRefusedError(111, "refused")
def takes_nothing(): return {}
class Demanding:
    def __init__(self, needed): pass
    def reset(self, seed): pass
    def act(self, observation): return {}
class Forgetful:
    def reset(self, seed): raise KeyError("memory")
    def act(self, observation): return {}
class Nameless:
    @property
    def fingerprint(self): raise ValueError("none")
    def reset(self, seed): pass
    def act(self, observation): return {}
    """


@pytest.fixture(autouse=True)
def _in_a_folder_with_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policies.py").write_text(_POLICIES)
    for name, text in {
        "syntax": "def a(:",
        "name": "x = nothing",
        "key": "{}['a']",
        "leaves": "raise SystemExit",
    }.items():
        Path(f"{name}.py").write_text(text)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("policies.py:raises", "act of the policy raises, at step 0 of seed 0, raised RuntimeError: my bug"),
        ("policies.py:refused", "ConnectionRefusedError: [Errno 111] refused"),
        ("policies.py:takes_nothing", "act of the policy takes_nothing, at step 0 of seed 0, raised TypeError"),
        ("policies.py:Demanding", "The policy Demanding, which is made without arguments, raised TypeError"),
        ("policies.py:Forgetful", "reset of the policy Forgetful, before seed 0, raised KeyError: 'memory'"),
        ("policies.py:Nameless", "The fingerprint of policies.py:Nameless"),
        ("os:getcwd", "act of the policy getcwd, at step 0 of seed 0, raised TypeError"),
        ("syntax.py:a", "Importing syntax.py ends in SyntaxError"),
        ("name.py:a", "Importing name.py ends in NameError"),
        ("key.py:a", "Importing key.py ends in KeyError: 'a'"),
        ("leaves.py:a", "Importing leaves.py ends in SystemExit"),
    ],
)
def test_a_policy_that_raises_is_one_line(policy: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", policy, TASK, "--episodes", "2", "--workers", "1", "--out", "out"]) == 1
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ravens-suite: ")]
    assert len(complaint) == 1 and said in complaint[0]


def test_the_lines_of_the_users_code_are_told_below(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "policies.py:raises", TASK, "--episodes", "1", "--workers", "1", "--out", "out"]) == 1
    assert 'policies.py", line 2, in raises' in capsys.readouterr().err


@pytest.mark.parametrize("error", [ConfigError("a"), MissingDataError("b"), FileNotFoundError(2, "gone", "file")])
def test_what_is_named_already_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, blame("The policy"):
        raise error
    assert caught.value is error and not isinstance(caught.value, UserCodeError)
