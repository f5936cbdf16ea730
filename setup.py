"""The long description on a package index: the README, with links that lead somewhere from there, too."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

_ROOT = Path(__file__).parent
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]*)\)")


def description(readme: str, source: str | None) -> str:
    """Make relative links of a README absolute.

    Args:
        readme: Markdown. Its relative links start at the root of the repository.
        source: what such a link is appended to, such as ``https://host/owner/name/blob/v0.2.0/``; ``None`` where the
            repository has no public address. Links then become their words, and pictures are left out.

    Returns:
        Markdown without relative links.
    """

    def link(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        if source is None:
            return "" if picture else words
        # Hosts of repositories serve a page around a file under blob/, and the picture itself under raw/.
        address = source.replace("/blob/", "/raw/") if picture else source
        return f"{picture}[{words}]({address}{target})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(link, readme))


if __name__ == "__main__":  # setuptools runs this file under that name
    _project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    _repository = _project.get("urls", {}).get("Repository")
    setup(
        long_description=description(
            (_ROOT / "README.md").read_text(encoding="utf-8"),
            f"{_repository.rstrip('/')}/blob/v{_project['version']}/" if _repository else None,
        ),
        long_description_content_type="text/markdown",
    )
