"""The JavaScript client against this service: its own tests pass, and what is made from it is up to date."""

import json
from pathlib import Path

from stepd.errors import all_errors
from stepd.web import pages
from tests.node import node, run

CODES = """
import * as errors from "./src/errors.js";
const classes = Object.values(errors).filter((one) => Object.hasOwn(one, "code") && one.code);
const lineage = (one) => (one.name ? [one.name, ...lineage(Object.getPrototypeOf(one))] : []);
console.log(JSON.stringify(Object.fromEntries(classes.map((one) => [one.code, lineage(one)]))));
"""


def test_its_own_tests_pass() -> None:
    """`npm test` checks the types and runs every test under Node, against services of its own."""
    said = run("npm", "test")
    assert "# fail 0" in said
    assert "# skipped 0" in said


def test_client_js_is_made_from_the_sources_as_they_are(tmp_path: Path) -> None:
    """What the service gives to its pages is what `npm run build` makes now, readable, and says where it comes from."""
    run(node(), "build.js", str(tmp_path / "client.js"))
    served, media_type = pages.asset("client.js")
    assert served == (tmp_path / "client.js").read_bytes(), "run: npm run build, in clients/javascript"
    assert media_type == "text/javascript; charset=utf-8"
    first, *lines = served.decode().splitlines()
    assert first == "// Made from clients/javascript/src by `npm run build` there: change it there."
    assert max(map(len, lines)) < 200


def test_every_code_of_the_service_has_its_class_and_no_class_is_left_over() -> None:
    """The same codes as the service's, under the same names, and in the same families."""
    lineages = json.loads(run(node(), "--input-type=module", "--eval", CODES))
    assert {code: lineage[0] for code, lineage in lineages.items()} == {e.code: e.__name__ for e in all_errors()}
    for error in all_errors():
        families = {parent.__name__ for parent in error.__mro__ if issubclass(parent, Exception)} - {"Exception"}
        assert set(lineages[error.code]) >= families
