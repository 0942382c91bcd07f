"""`make bench`: stepd measured side by side with what else a user might pick, as ratios, in one run on one machine.

`goals` says what should be reached; `parts` measure, one file per part, each alone or all together; `peers` holds what
stepd is measured beside. `results` keeps what was measured, from which `page` and `plots` make docs/benchmarks.md.
"""
