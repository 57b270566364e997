from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragfactory.config import Context, Limits
from ragfactory.errors import DocumentError, ProfileError, UsageError
from ragfactory.pipeline.inspection import inspect_file
from tests.context.remote.model_servers import PROMISE_S, ModelServer

if TYPE_CHECKING:
    from tests.conftest import Workplace

EXAMPLES = Path(__file__).parents[2] / "examples" / "documents"
HTML = """<html lang="en"><body><h1>Pier</h1><p>The harbour master counts the seals.</p>
<table><tr><th>Year</th><th>Seals</th></tr><tr><td>2023</td><td>41</td></tr></table></body></html>"""


def test_a_file_is_shown_as_a_run_would_take_it_in(workplace: Workplace) -> None:
    file = workplace.write("pier.html", HTML)
    prepared = inspect_file(file, "algemeen", workplace.config)
    assert prepared.document is not None
    assert (prepared.format, prepared.classification.type) == ("html", "algemeen")
    assert [table.table.rows for table in prepared.document.tables()] == [(("Year", "Seals"), ("2023", "41"))]
    assert len(prepared.chunks) == len(prepared.contexts) > 0
    workplace.ingest()
    taken_in = {hit.chunk.text: hit.chunk.context for hit in workplace.search("seals harbour year").hits}
    assert {chunk.text: context for chunk, context in zip(prepared.chunks, prepared.contexts, strict=True)} == taken_in


def test_an_annual_account_names_its_companies_and_each_table_with_its_section(workplace: Workplace) -> None:
    prepared = inspect_file(EXAMPLES / "jaarrekening" / "jaarrekening-2024.pdf", "auto", workplace.config)
    assert set(prepared.analysis.named("company")) == {
        "Zilverveen Recreatie B.V.",
        "Zilverveen Beheer B.V.",
        "Holzbau Brinkmeyer GmbH",
    }
    by_table = {
        words: context
        for words in ("Uitgekeerd dividend | ", "Onttrekking | ", "Vooruitontvangen boekingen | ")
        for chunk, context in zip(prepared.chunks, prepared.contexts, strict=True)
        if words in chunk.text
    }
    assert "> 5. Eigen vermogen; " in by_table["Uitgekeerd dividend | "]
    assert "6. Voorzieningen" in by_table["Onttrekking | "]
    assert "8. Kortlopende schulden" in by_table["Vooruitontvangen boekingen | "]


def test_what_a_model_said_before_is_shown_and_it_is_not_asked(workplace: Workplace) -> None:
    file = workplace.write("pier.html", HTML)
    said = '{"topics": ["seals of the harbour"], "domain": "other"}'
    written = "This passage tells how the seals of the harbour are counted, and how many there were in 2023."
    with ModelServer(says=lambda n: answered(said if "format" in server.asked[n - 1] else written)) as server:
        settings = Context(servers=(server.url,), model="m", kind="ollama", timeout_s=PROMISE_S)
        workplace.config = workplace.config.model_copy(update={"context": settings})
        assert inspect_file(file, "algemeen", workplace.config, context="http").analysis.by == "rule"
        assert server.asked == []
        workplace.ingest(context="http")
        asked = len(server.asked)
        prepared = inspect_file(file, "algemeen", workplace.config, context="http")
        assert len(server.asked) == asked
    assert (prepared.analysis.by, prepared.analysis.topics) == ("model", ("seals of the harbour",))
    assert prepared.metadata["topics"] == ["seals of the harbour"]
    assert set(prepared.contexts) == {written}


def answered(text: str) -> tuple[int, bytes]:
    return 200, json.dumps({"message": {"content": text}, "done": True}).encode()


def test_nothing_is_stored(workplace: Workplace) -> None:
    inspect_file(workplace.write("pier.html", HTML), "auto", workplace.config)
    assert not workplace.config.indexes.exists()
    assert not workplace.config.runs.exists()


def test_auto_says_why(workplace: Workplace) -> None:
    file = workplace.write("chat-anna.txt", "Coach: How are you feeling?\nAnna: Fine.\n" * 5)
    found = inspect_file(file, "auto", workplace.config).classification
    assert found.type == "coaching_chat"
    assert 0 < found.confidence <= 1
    assert found.evidence


def test_a_name_that_is_not_utf8_is_no_obstacle(workplace: Workplace) -> None:
    file = workplace.write(os.fsdecode(b"caf\xe9.txt"), "The coffee is good.")
    assert inspect_file(file, "auto", workplace.config).chunks[0].text == "The coffee is good."


def test_what_cannot_be_read_is_an_error_that_names_the_file(workplace: Workplace) -> None:
    file = workplace.write("empty.txt", " \n ")
    with pytest.raises(DocumentError) as caught:
        inspect_file(file, "auto", workplace.config)
    assert (caught.value.code, caught.value.path) == ("empty", str(file))


def test_a_file_over_the_limit_is_refused(workplace: Workplace) -> None:
    file = workplace.write("large.txt", "x" * (2**20 + 1))
    small = workplace.config.model_copy(update={"limits": Limits(file_mb=1)})
    with pytest.raises(DocumentError) as caught:
        inspect_file(file, "auto", small)
    assert caught.value.code == "too_large"


def test_a_folder_is_refused(workplace: Workplace) -> None:
    with pytest.raises(UsageError, match="docs"):
        inspect_file(workplace.docs, "auto", workplace.config)


def test_an_unknown_profile_is_refused(workplace: Workplace) -> None:
    with pytest.raises(ProfileError, match="no-such"):
        inspect_file(workplace.write("a.txt", "text"), "no-such", workplace.config)
