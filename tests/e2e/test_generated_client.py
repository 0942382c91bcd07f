"""A client that a generator makes from /openapi.json alone: openapi-typescript types it, openapi-fetch sends."""

import json
import shutil
from pathlib import Path

from stepd import Adadelta
from tests.node import CLIENT, node, run
from tests.server import Running

PROGRAM = Path(__file__).with_name("generated_client.ts")
TYPES = CLIENT / "node_modules" / ".bin"
OPTIONS = {
    "target": "ES2022",
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "module": "NodeNext",
    "types": ["node"],
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noEmitOnError": True,
    "skipDefaultLibCheck": True,
}


def test_types_from_the_live_document_make_a_client_that_creates_and_steps(server: Running, tmp_path: Path) -> None:
    """The program type-checks against the generated types, wrong calls do not, and it gets the textbook's bits."""
    node()
    (tmp_path / "node_modules").symlink_to(CLIENT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["program.ts"]}), "utf-8")
    shutil.copy(PROGRAM, tmp_path / "program.ts")

    run(str(TYPES / "openapi-typescript"), f"{server.url}/openapi.json", "--output", "schema.d.ts", folder=tmp_path)
    run(str(TYPES / "tsc"), "--project", ".", folder=tmp_path)
    printed = run(node(), "program.js", server.url, folder=tmp_path)

    optimizer, params = Adadelta(rho=0.9), [1.0, 2.0]
    expected = [(params := optimizer.update(params, [0.5, -0.5]).tolist()) for _ in range(2)]
    assert json.loads(printed) == {"id": "generated", "step": 0, "params": expected, "refused": "shape-mismatch"}
    assert server.session("generated").get().json()["step"] == 2
