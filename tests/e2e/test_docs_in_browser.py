"""/docs in a real browser that can reach nothing but this service: every operation is there."""

import re
from pathlib import Path

from tests.e2e.browser import dom
from tests.server import Running


def test_docs_show_every_operation(server: Running, tmp_path: Path) -> None:
    """Without any network Swagger UI renders each operation of the document, and no error."""
    page = dom(f"{server.url}/docs", tmp_path)
    document = server.http.get("/openapi.json").json()
    operations = [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]
    assert len(operations) == 19
    assert len(re.findall(r'class="opblock opblock-', page)) == len(operations)
    text = re.sub(r"<[^>]*>|\u200b", "", page)
    for path, _, operation in operations:
        assert path in text
        assert operation["summary"] in text
        assert f'-{operation["operationId"]}"' in page
    for tag in ("sessions", "steps", "params and state", "history", "service"):
        assert tag in text
    assert ">never<" not in page  # what Swagger UI says of a schema that it takes for one that nothing fits
    assert "Failed to load" not in text
    assert "Resolver error" not in text
