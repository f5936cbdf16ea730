"""Contact sheets: what is said stands above the pictures."""

from __future__ import annotations

from ravens_suite.report.gallery import _words, oracle_episode


def test_an_episode_is_shown_with_what_was_said() -> None:
    episode = oracle_episode("packing-shapes", "test", 0)
    assert len(episode.frames) == len(episode.said) == 2
    assert episode.said[0].startswith("pack the ")
    assert episode.score > 0.99


def test_captions_count_the_other_sentences() -> None:
    assert _words(["go", "go", "the task is finished"]) == "go"
    assert _words(["go", "stay", "stay", "the task is finished"]) == "go ... and 1 more"
