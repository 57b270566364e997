"""What is said of a whole document by rule, and what becomes of it beside what a model says."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from ragfactory.context.analysis import Analysis, analyse
from ragfactory.context.entities import Entity, EntityKind, find_entities, is_iban
from ragfactory.documents.model import DocumentBuilder, Table


def found(text: str, kind: EntityKind) -> list[str]:
    return [entity.text for entity in find_entities(text) if entity.kind == kind]


@pytest.mark.parametrize(
    ("text", "companies"),
    [
        (
            "De activa van Voorbeeld Holding B.V. en Jansen & Zn. BV te Utrecht.",
            ["Voorbeeld Holding B.V.", "Jansen & Zn. BV"],
        ),
        ("Die Muster Bau GmbH & Co. KG und die Beispiel AG.", ["Muster Bau GmbH & Co. KG", "Beispiel AG"]),
        ("La société Exemple SARL, Dupont et Fils SAS.", ["Exemple SARL", "Dupont et Fils SAS"]),
        ("The Example Ltd. and eSample Holdings, Inc. agreed.", ["Example Ltd.", "eSample Holdings, Inc."]),
        ("Dit is in Utrecht. Voorbeeld B.V. is daar, en Bol.com NV ook.", ["Voorbeeld B.V.", "Bol.com NV"]),
        ("Stichting Vrienden van het Museum betaalt.", ["Stichting Vrienden van het Museum"]),
        (
            "De jaarrekening van Camping de Brem B.V. is opgesteld door Müller GmbH en Dupont SARL.",
            ["Camping de Brem B.V.", "Müller GmbH", "Dupont SARL"],
        ),
        (
            "Jansen van der Berg BV & Bakkerij 't Hoekje B.V., Autohaus von der Heide GmbH und Muster AG",
            ["Jansen van der Berg BV", "Bakkerij 't Hoekje B.V.", "Autohaus von der Heide GmbH", "Muster AG"],
        ),
        (
            "Example Ltd. and Bank of Sample Inc. and Dupont de la Tour SA.",
            ["Example Ltd.", "Bank of Sample Inc.", "Dupont de la Tour SA"],
        ),
        ("Directie van Voorbeeld B.V. Geschäftsführer der Muster GmbH ist", ["Voorbeeld B.V.", "Muster GmbH"]),
        ("The Board of Directors of Sample Inc. met.", ["Sample Inc."]),
        ("Jahresabschluss von Beispiel AG. Gérant de Exemple SARL.", ["Beispiel AG", "Exemple SARL"]),
        ("Bij de Voorbeeld B.V. werkt Utrecht en de Bakker NV.", ["Voorbeeld B.V.", "Bakker NV"]),
        ("Van den Berg B.V. en Van 't Hof NV leveren.", ["Van den Berg B.V.", "Van 't Hof NV"]),
        ("De SA die niets heet, en BV alleen.", []),
    ],
)
def test_companies_by_their_legal_form(text: str, companies: list[str]) -> None:
    assert found(text, "company") == companies


def test_numbers_and_dates_as_they_stand() -> None:
    text = (
        "KvK-nummer 12345678, rekening NL91 ABNA 0417 1643 00 of NL92 ABNA 0417 1643 00. Op 31 december 2024 en 1-2-2023: "
        "€ 1.250.000,00, 3,5 miljoen euro, $2.5 billion. Artikel 87654321."
    )
    assert found(text, "kvk") == ["12345678"]
    assert found(text, "iban") == ["NL91ABNA0417164300"]
    assert found(text, "date") == ["31 december 2024", "1-2-2023"]
    assert found(text, "amount") == ["€ 1.250.000,00", "3,5 miljoen euro", "$2.5 billion"]


@pytest.mark.parametrize("text", ["", "NL", "NL91ABNA0417164301", "NL91 ABNA 0417 1643 00", "é" * 20, "0" * 40])
def test_what_is_no_iban(text: str) -> None:
    assert not is_iban(text)


def test_those_named_most_come_first_and_not_too_many() -> None:
    text = " ".join(f"Bedrijf{n} B.V. betaalt." for n in range(50)) + " Bedrijf7 B.V. betaalt." * 3
    companies = found(text, "company")
    assert companies[0] == "Bedrijf7 B.V."
    assert len(companies) == 8


@pytest.mark.parametrize("text", ["A-" * 50_000, "KvK " * 20_000, "A b " * 20_000, "1." * 50_000, "NL91" * 20_000])
def test_hostile_text_takes_no_time_to_speak_of(text: str) -> None:
    find_entities(text)  # the limit of time is the test run's


def account() -> DocumentBuilder:
    builder = DocumentBuilder("pdf")
    builder.page_count = 3
    builder.paragraph("Jaarrekening 2024 van Voorbeeld B.V., met het eigen vermogen en de omzet.", page=1)
    builder.heading("1. Balans", 1, page=2)
    builder.table(Table((("", "2024"), *((f"Post {n}", f"{n}.000") for n in range(20))), 1), page=2)
    builder.heading("2. Toelichting", 1, page=3)
    return builder


def test_a_document_by_rule() -> None:
    analysis = analyse(replace(account().finish(), language="nl"))
    assert analysis.named("company") == ("Voorbeeld B.V.",)
    assert analysis.topics == ("Balans", "Toelichting")
    assert (analysis.domain, analysis.period, analysis.language) == ("finance", "2024", "nl")
    assert (analysis.strategy, analysis.by) == ("page_plus_table_aware", "rule")
    assert analysis.summary() == "Voorbeeld B.V.; 2024; Balans, Toelichting"


def test_of_an_empty_document_nothing_is_said() -> None:
    analysis = analyse(DocumentBuilder("text").finish())
    assert analysis == Analysis(strategy="default")
    assert analysis.summary() == ""


def test_what_a_model_leaves_empty_stays_as_the_rules_found_it() -> None:
    rules = analyse(replace(account().finish(), language="nl"))
    assert Analysis(by="model").completed_by(rules) == replace(rules, by="model")
    said = Analysis(
        (Entity("person", "A. Jansen"), Entity("company", "VOORBEELD B.V.")),
        topics=("vermogen",),
        domain="legal",
        period="2024",
        language="de",
        strategy="tokens",
        type="post",
        by="model",
    )
    both = said.completed_by(replace(rules, entities=(*rules.entities, Entity("kvk", "12345678"))))
    assert both == replace(said, entities=(*said.entities, Entity("kvk", "12345678"))), "a name is not told twice"
    assert both.summary() == "VOORBEELD B.V., A. Jansen; 2024; vermogen"
    assert rules.completed_by(said).type == "post"


def test_an_analysis_travels_as_plain_data() -> None:
    analysis = replace(analyse(account().finish()), type="post", by="model")
    assert Analysis.from_dict(json.loads(json.dumps(asdict(analysis)))) == analysis
