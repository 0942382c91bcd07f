"""docs/protocol.md says what the code does: its tables against the code's own, and every number in its prose."""

import re

from stepd.api.problems import STATUS
from stepd.api.routes.params import DEFAULT_WAIT_S
from stepd.errors import all_errors
from stepd.sessions.table import EXPIRED_REMEMBERED
from stepd.settings import Settings
from stepd.values import MAX_RANK, MAX_TENSOR_NAME
from stepd.wire.json import ODD_FLOAT32_BITS, ODD_FLOAT32_NINE_DIGITS
from tests.docs.documents import read

PAGE = read("docs/protocol.md")
PROSE = " ".join(PAGE.split())


def test_every_code_is_listed_with_its_status() -> None:
    """The table of problems and the code's table agree, row by row."""
    listed = {code: int(status) for status, code in re.findall(r"^\| (\d{3}) \| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE)}
    assert listed == {error.code: status for error, status in STATUS.items()}
    assert set(STATUS) == set(all_errors())


def test_codes_in_prose_exist() -> None:
    """A status and a code that the prose names together belong together."""
    by_code = {error.code: status for error, status in STATUS.items()}
    named = re.findall(r"(\d{3}) `([a-z]+(?:-[a-z]+)+)`", PROSE)
    assert len(named) >= 10
    assert [(status, code) for status, code in named if by_code.get(code) != int(status)] == []


def test_every_setting_is_listed_with_its_default() -> None:
    """The table of settings has each setting once."""
    listed = re.findall(r"^\| `STEPD_([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert listed == [name.upper() for name in Settings.model_fields]


def test_numbers_in_the_prose_are_the_codes() -> None:
    """Limits, defaults and factors in sentences are the constants that hold."""
    keys = Settings.model_fields["keys_per_session"].default
    for sentence in (
        f"the newest {EXPIRED_REMEMBERED:,}",
        f"Only applied steps are remembered, the newest {keys} of a session",
        f"`timeout_s` ({DEFAULT_WAIT_S:.0f} unless given)",
        f"1 to {MAX_TENSOR_NAME} printable characters",
        f"rank 1 to {MAX_RANK}, named ones 0 to {MAX_RANK}",
        f"±0x{ODD_FLOAT32_BITS:08x}",
        f"`{ODD_FLOAT32_NINE_DIGITS.decode()}`",
    ):
        assert sentence in PROSE, sentence
