"""Digests of the code that a policy consists of: of its agent, and of what its settings name outside its folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ravens_suite.core.modules import find_spec, source_of_reference
from ravens_suite.core.source_digest import digest_of_files, digest_of_text, imported_files, own_files
from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.errors import ConfigError, MissingDataError
from ravens_suite.registry import source_of

_SUITE = "ravens_suite."
_ELSEWHERE = (
    ": a relative path starts at the working directory, so run the command where the agent was trained, or put it "
    "there."
)
"""End of what is said where something is missing that settings name."""


def code_of(name: str) -> str:
    """Digest of the files of an agent or of what is imported; empty where there is none to read."""
    source = source_of(name)
    if source is None:
        return ""
    path, module = source
    if module.startswith(_SUITE):
        below = module.count(".") - (1 if path.name == "__init__.py" else 2)
        agents = path.parents[below]
        return digest_of_files(imported_files(path, agents, agents.parent))
    return digest_of_files(own_files(path, module))


def of_the_suite(name: str) -> bool:
    """Whether the code of an agent, or of what is imported, is the suite's own."""
    source = source_of(name)
    return source is not None and source[1].startswith(_SUITE)


def outside_code(references: Iterable[str]) -> str:
    """Digest of code of a user's own that the settings of an agent name; empty where they name none.

    Args:
        references: each ``package.module:name`` or ``file.py:name``.

    Raises:
        ConfigError: there is no such file or module.
    """
    found = []
    for reference in references:
        where = reference.rpartition(":")[0]
        source = source_of_reference(reference)
        if source is None and (where.endswith(".py") or find_spec(where) is None):
            raise ConfigError(f"There is no {where}, which the agent's settings name ({reference}){_ELSEWHERE}")
        found.append(digest_of_files(own_files(*source)) if source is not None else reference)
    return digest_of_text("\n".join(found)) if found else ""


def outside_of(policy: PolicyFolder) -> str:
    """Digest of what the settings of a trained agent name outside its folder; empty where they name nothing.

    Raises:
        MissingDataError: another trained agent that they name is not there.
        ConfigError: code that they name is not there.
    """
    named = policy.outside()
    digests = [outside_code(named["code"])] if named["code"] else []
    for folder in named["policies"]:
        other = RunFolder(Path(folder)).policy
        files = other if other.settings.exists() else PolicyFolder(Path(folder))
        try:
            files.agent()
        except MissingDataError as error:
            raise MissingDataError(
                f"There is no trained agent in {folder}, which the agent's settings name{_ELSEWHERE}"
            ) from error
        digests.append(files.fingerprint())
    return digest_of_text("\n".join(digests)) if digests else ""
