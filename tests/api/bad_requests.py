"""The table of bad requests: what is sent, and the status, code, pointer and words of the answer.

Its rows stand in four files, by what is wrong. The sessions that their paths name are made by test_bad_requests.py:

- four: float64, 4 values; it has taken a step with the Idempotency-Key `taken` and the gradients [1, 1, 1, 1]
- grid: float64, 2 x 3 values
- named: float64, `w` of 2 x 2 values and the number `b`
- single: float32, 2 values
- empty: unshaped
- restored: 1 value, put there as a checkpoint
"""

from tests.api import bad_creations, bad_pasts, bad_queries, bad_steps

ROWS = [*bad_steps.TABLE, *bad_queries.TABLE, *bad_creations.TABLE, *bad_pasts.TABLE]
