"""What the relay costs, against what the kernel alone costs in the same run.

Streams of 4 Mbit/s, PS over RTP, 25 pictures a second, a key every 2 s, come from a generator of
our own; the floors are C programs that do nothing but the system calls. Machines differ: read the
ratios. docs/performance.md tells how each figure is taken.

    python bench/bench_relay.py [--rows NAME ...] [--repeats 3] [--seconds 4] [--streams 50]
    python bench/bench_relay.py --smoke      the same in seconds, saying nothing about speed
"""

import argparse
import json
import sys
from pathlib import Path

from bench.relay import rows, table
from bench.relay.native import ROOT, BenchError, build
from bench.relay.runs import Load


def smoke_load(programs: Path) -> Load:
    """Everything small and short."""
    return Load(
        programs,
        streams=2,
        window_s=0.3,
        spread_s=0.1,
        settle_s=0.1,
        join_s=0.2,
        viewer_cap=3,
        stream_cap=2,
        memory_s=0.3,
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="+", default=[], choices=sorted(rows.BY_NAME))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="window of one run")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5.0, help="then nothing is repeated")
    parser.add_argument(
        "--spread", type=float, default=2.0, help="seconds from first to last start"
    )
    parser.add_argument("--smoke", action="store_true", help="seconds only; no figure to trust")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "bench")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    try:
        programs = build(options.build)
    except (BenchError, FileNotFoundError) as error:
        sys.exit(str(error))
    wanted, repeats = rows.chosen(options.rows), 1 if options.smoke else options.repeats
    if options.smoke:
        load = smoke_load(programs)
        taken = table.take_smoke(wanted, load)
    else:
        load = Load(
            programs,
            streams=options.streams,
            window_s=options.seconds,
            spread_s=options.spread,
        )
        taken = table.take_all(wanted, load, repeats, 60 * options.minutes)
    figures = table.figures(taken)
    print(f"{load.streams} streams of 4 Mbit/s, windows of {load.window_s:g} s, {repeats} runs")
    print(table.text(figures))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
