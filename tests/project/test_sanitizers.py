"""The compiled modules under the address and undefined-behaviour sanitizers, in short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT_RUN_CASES = 1000


@pytest.mark.timeout(600)
def test_sanitizers_find_nothing_in_the_corpus_and_a_few_mutations_of_it() -> None:
    ended = subprocess.run(
        [ROOT / "scripts" / "sanitize", str(SHORT_RUN_CASES)],
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:]
    assert "The sanitizers found nothing." in ended.stdout
