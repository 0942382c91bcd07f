"""The longest labels that a session may have go out in every format, however few tensors the service takes."""

import numpy as np
import pytest
from clients.python.tests.awaited import LOCAL_MAKERS


@pytest.mark.parametrize("make", LOCAL_MAKERS.values(), ids=LOCAL_MAKERS)
@pytest.mark.parametrize("chosen", ["json", "binary"])
@pytest.mark.parametrize("character", ["v", "\u8a9e", "\U0001f600", '"', "\x01"], ids=ascii)
def test_the_longest_labels_go_out(make, chosen, character):
    """With a session that is created, and with one that is restored."""
    labels = {f"{i:02}".ljust(63, character): character * 255 for i in range(16)}
    with make(format=chosen, max_tensors=1) as client:
        session = client.session("created", params=np.ones(2), labels=labels)
        assert session.describe().labels == labels
        assert client.restore("restored", session.state(), labels=labels).describe().labels == labels
