"""/docs in a real browser that can reach nothing but this service: every operation is there."""

import re
import subprocess
from pathlib import Path

from tests.needs import require_program
from tests.server import Running

PATIENCE_S = 60.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--virtual-time-budget=10000",
)


def dom(server: Running, path: str, folder: Path) -> str:
    """The page as the browser has it once its scripts have run."""
    chromium = require_program("chromium", "apt-get install chromium")
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", server.url + path]
    shown = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return shown.stdout


def test_docs_show_every_operation(server: Running, tmp_path: Path) -> None:
    """Without any network Swagger UI renders each operation of the document, and no error."""
    page = dom(server, "/docs", tmp_path)
    document = server.http.get("/openapi.json").json()
    operations = [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]
    assert len(operations) == 16
    assert len(re.findall(r'class="opblock opblock-', page)) == len(operations)
    text = re.sub(r"<[^>]*>|\u200b", "", page)
    for path, _, operation in operations:
        assert path in text
        assert operation["summary"] in text
        assert f'-{operation["operationId"]}"' in page
    for tag in ("sessions", "steps", "params and state", "service"):
        assert tag in text
    assert ">never<" not in page  # what Swagger UI says of a schema that it takes for one that nothing fits
    assert "Failed to load" not in text
    assert "Resolver error" not in text
