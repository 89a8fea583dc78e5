"""What the relay costs: `bench/bench_relay.py` is the command, `bench/soak.py` the long run.

`subject` is the process under test, `native` builds and drives the C programs, `runs` takes one
measurement, `rows` says which there are, `table` turns many of them into figures, `report` writes
them into docs/performance.md.
"""
