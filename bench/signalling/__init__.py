"""Load and reference programs of `bench_signalling`."""
