"""What documents of operation say stands somewhere, stands there."""

import re

import pytest

from infra.discovery import REPO

DOCUMENTS = ("infra/ops/threat_model.md", "infra/ops/soc2.md", "infra/ops/runbooks/delivery.md")
PLACE = re.compile(r"`((?:infra|tests|functions|layers|events|\.github|CONTRIBUTING|README)[\w./-]*)(?:::(test_\w+))?`")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_test_that_a_document_names_is_there(document: str) -> None:
    places = PLACE.findall((REPO / document).read_text())
    assert places
    for path, test in places:
        assert (REPO / path).exists(), path
        assert not test or f"def {test}(" in (REPO / path).read_text(), (path, test)


def test_every_boundary_is_looked_at_from_every_side() -> None:
    text = (REPO / DOCUMENTS[0]).read_text()
    rows = re.findall(r"^\| ([STRIDE](?:, [STRIDE])*) \| ", text, re.MULTILINE)
    assert {letter for row in rows for letter in row.split(", ")} == set("STRIDE")
    assert len(re.findall(r"^### \d\. ", text, re.MULTILINE)) == 7


def test_every_criterion_has_a_row() -> None:
    text = (REPO / DOCUMENTS[1]).read_text()
    for criterion in (*(f"CC{n}" for n in range(1, 10)), "A1", "C1", "PI1", "P1"):
        assert re.search(rf"^\| {criterion}\b", text, re.MULTILINE), criterion
