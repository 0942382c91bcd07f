"""Optimization runs: what was asked for, one run, all runs. No clock, lock, file or socket: time is handed in."""
