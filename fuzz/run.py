"""Feed mutated inputs to every parser; only a parser's own error may come out of it.

Each `fuzz/fuzz_<name>.py` offers `SEEDS: list[bytes]` and `one_case(data)`, which raises only on a
defect. The mutations are seeded, so a run can be repeated; a finding is written to
`fuzz/findings/<target>/` and belongs, once mended, into `fuzz/corpus/<target>/`, whose files are
tried first in every run and by `tests/project/test_fuzz_corpus.py`.
"""

import argparse
import hashlib
import importlib.util
import os
import random
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
SLOW_CASE_S = 2.0
"""A case that takes longer is a finding: someone could stop the server with it."""

LONGEST_BYTES = 70_000
"""A little over the largest datagram."""

INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0x0D, 0x0A, 0x20, 0x3A, 0x3B, 0x2C, 0x22, 0x3C, 0x3E, 0x26]


@dataclass(frozen=True)
class Result:
    """What one target's run showed."""

    target: str
    cases: int
    seconds: float
    findings: list[tuple[bytes, str]]


def targets() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def load(target: str) -> ModuleType:
    sys.path.insert(0, str(HERE.parent))
    spec = importlib.util.spec_from_file_location(f"fuzz_{target}", HERE / f"fuzz_{target}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def corpus(target: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((HERE / "corpus" / target).glob("*"))]


def flip_bit(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    if out:
        out[at % len(out)] ^= 1 << rng.randrange(8)


def put_interesting(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    if out:
        out[at % len(out)] = rng.choice(INTERESTING)


def cut(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    del out[at : at + rng.choice((1, 2, 4, 16, 64))]


def put_noise(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    out[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))


def repeat(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    out[at:at] = out[at : at + rng.choice((1, 4, 32, 256))] * rng.choice((1, 2, 20))


def splice(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    other = rng.choice(others)
    out[at:] = other[rng.randrange(len(other) + 1) :]


def put_number(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    width = rng.choice((1, 2, 4))
    value = rng.choice((0, 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1))
    out[at : at + width] = value.to_bytes(width, "big")


def put_digits(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    number = rng.choice((b"-1", b"0", b"65536", b"2147483648", b"99999999999999999999"))
    out[at : at + rng.choice((0, 1, 3))] = number


def truncate(out: bytearray, at: int, others: list[bytes], rng: random.Random) -> None:
    del out[at:]


MUTATORS = [
    flip_bit,
    put_interesting,
    cut,
    put_noise,
    repeat,
    splice,
    put_number,
    put_digits,
    truncate,
]


def mutate(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """The input after one to eight small changes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 8))):
        rng.choice(MUTATORS)(out, rng.randrange(len(out) + 1), others, rng)
    return bytes(out[:LONGEST_BYTES])


def inputs(seeds: list[bytes], cases: int, rng: random.Random) -> Iterator[bytes]:
    yield from seeds[:cases]
    for _ in range(max(0, cases - len(seeds))):
        yield mutate(rng.choice(seeds), seeds, rng)


def run_target(target: str, cases: int, seed: int) -> Result:
    module = load(target)
    seeds = corpus(target) + list(module.SEEDS)
    rng = random.Random(f"{target}:{seed}")
    findings: list[tuple[bytes, str]] = []
    kinds: set[str] = set()
    began = time.monotonic()
    for data in inputs(seeds, cases, rng):
        started = time.monotonic()
        try:
            module.one_case(data)
        except Exception:  # noqa: BLE001 - whatever escapes is the finding
            report = traceback.format_exc()
        else:
            took = time.monotonic() - started
            if took < SLOW_CASE_S:
                continue
            report = f"slow: {took:.1f} s\n"
        kind = "\n".join(report.strip().splitlines()[-3:])
        if kind not in kinds:
            kinds.add(kind)
            findings.append((data, report))
    return Result(target, cases, time.monotonic() - began, findings)


def keep(result: Result) -> None:
    folder = HERE / "findings" / result.target
    folder.mkdir(parents=True, exist_ok=True)
    for data, report in result.findings:
        name = hashlib.sha256(data).hexdigest()[:16]
        (folder / name).write_bytes(data)
        print(f"FOUND {result.target}/{name}\n{report}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000, help="over all targets together")
    parser.add_argument("--seed", type=int, default=28181)
    parser.add_argument("--target", action="append", help="only this one (may be repeated)")
    arguments = parser.parse_args()
    chosen = arguments.target or targets()
    share = -(-arguments.cases // len(chosen))
    failed = False
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = [pool.submit(run_target, target, share, arguments.seed) for target in chosen]
        for run in runs:
            result = run.result()
            rate = round(result.cases / max(result.seconds, 1e-9))
            found = len(result.findings)
            print(f"{result.target}: {result.cases} cases, {rate}/s, {found} findings")
            keep(result)
            failed = failed or bool(result.findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
