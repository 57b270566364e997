"""Companies by their legal form, in four languages: the name whole, and none of the words around it."""

from __future__ import annotations

import pytest

from ragfactory.context.companies import find_companies


@pytest.mark.parametrize(
    ("text", "company"),
    [
        ("Lening Voorbeeld Beheer B.V. | 250.000 | 300.000", "Voorbeeld Beheer B.V."),
        ("Rekening-courant Voorbeeld Beheer B.V. | 36.945", "Voorbeeld Beheer B.V."),
        ("Rekening Courant Voorbeeld Beheer B.V. | 36.945", "Voorbeeld Beheer B.V."),
        ("Managementvergoeding Voorbeeld Beheer B.V. | 112.600", "Voorbeeld Beheer B.V."),
        ("Jaarrekening 2024 Voorbeeld Recreatie B.V.", "Voorbeeld Recreatie B.V."),
        ("Schulden van der Berg Holding B.V.", "van der Berg Holding B.V."),
        ("Namens Voorbeeld Beheer B.V., de bestuurder", "Voorbeeld Beheer B.V."),
        ("Getekend te Utrecht, Namens Voorbeeld Beheer B.V.", "Voorbeeld Beheer B.V."),
        ("Er is betaald. Aan de Voorbeeld Beheer B.V. is geleend.", "Voorbeeld Beheer B.V."),
        ("Gesellschafterdarlehen Muster Bau GmbH | 250.000", "Muster Bau GmbH"),
        ("Forderungen Muster Bau GmbH & Co. KG | 250.000", "Muster Bau GmbH & Co. KG"),
        ("Darlehen der Muster Bau GmbH", "Muster Bau GmbH"),
        ("Im Namen Muster Bau GmbH", "Muster Bau GmbH"),
        ("Im Auftrag von Muster Bau GmbH", "Muster Bau GmbH"),
        ("Es gilt. Zwischen Muster Bau GmbH und uns", "Muster Bau GmbH"),
        ("Prêt Exemple Loisirs SARL | 250 000", "Exemple Loisirs SARL"),
        ("Prêt de Exemple Loisirs SARL", "Exemple Loisirs SARL"),
        ("Compte courant Exemple Loisirs SARL | 36 945", "Exemple Loisirs SARL"),
        ("Créances Exemple Loisirs SAS | 36 945", "Exemple Loisirs SAS"),
        ("C'est dit. Pour Exemple Loisirs SARL, le gérant", "Exemple Loisirs SARL"),
        ("Loan to Sample Parks Ltd. | 250,000", "Sample Parks Ltd."),
        ("Loan Sample Parks Ltd. | 250,000", "Sample Parks Ltd."),
        ("Receivables of Sample Parks Inc. | 250,000", "Sample Parks Inc."),
        ("It is signed.\nFor Sample Parks Inc., the director", "Sample Parks Inc."),
    ],
)
def test_items_and_openers_are_no_part_of_a_name(text: str, company: str) -> None:
    assert list(find_companies(text)) == [company]


@pytest.mark.parametrize(
    ("text", "company"),
    [
        (
            "Achterstand Voorbeeld Beheer B.V. | 5\nDe eigenaar is Voorbeeld Beheer B.V. sinds 2020.",
            "Voorbeeld Beheer B.V.",
        ),
        ("Abgrenzung Muster Bau GmbH | 5\nEigentümer ist die Muster Bau GmbH seit 2020.", "Muster Bau GmbH"),
        ("Cautionnement Exemple Loisirs SAS | 5\nLe gérant est Exemple Loisirs SAS.", "Exemple Loisirs SAS"),
        ("Deposit Sample Parks Ltd. | 5\nThe owner is Sample Parks Ltd. since 2020.", "Sample Parks Ltd."),
    ],
)
def test_a_name_is_what_the_text_calls_it_elsewhere(text: str, company: str) -> None:
    assert list(find_companies(text)) == [company, company]


@pytest.mark.parametrize(
    "name",
    [
        "Jan der Kinderen B.V.",
        "Van der Berg Holding B.V.",
        "Van Dijk B.V.",
        "Bakkerij van der Zanden en Zn. B.V.",
        "Camping de Brem B.V.",
        "Autohaus von der Heide GmbH",
        "Dupont de la Tour SA",
        "Loan & Sons Ltd.",
        "Dividend Holding B.V.",
        "On Holding AG",
    ],
)
@pytest.mark.parametrize("text", ["{} levert.", "Zie verder: de facturen door {} gestuurd."])
def test_a_name_stays_whole(name: str, text: str) -> None:
    assert list(find_companies(text.format(name))) == [name]


def test_der_stands_before_a_german_company_and_within_a_dutch_name() -> None:
    assert list(find_companies("Der Geschäftsführer der Muster AG kennt Jan der Kinderen B.V.")) == [
        "Muster AG",
        "Jan der Kinderen B.V.",
    ]
    assert list(find_companies("Geschäftsführer der Voorbeeld B.V.")) == ["Voorbeeld B.V."]


def test_a_word_that_opens_sentences_belongs_to_a_name_that_has_it_within_one_too() -> None:
    assert list(find_companies("In Vivo Parken B.V. verhuurt. De huur van In Vivo Parken B.V. steeg.")) == [
        "In Vivo Parken B.V.",
        "In Vivo Parken B.V.",
    ]


def test_a_group_keeps_its_companies_apart() -> None:
    text = "Voorbeeld Holding B.V., later Holding B.V., en Jansen & Zn. B.V., niet Zn. B.V., en Bank of Sample Inc. en Sample Inc."
    assert list(find_companies(text)) == [
        "Voorbeeld Holding B.V.",
        "Holding B.V.",
        "Jansen & Zn. B.V.",
        "Zn. B.V.",
        "Bank of Sample Inc.",
        "Sample Inc.",
    ]


@pytest.mark.parametrize(
    "text", ["Lening " * 20_000, "A der " * 20_000 + "B.V.", "Van Aa B.V. " * 5_000, "Im Namen Bb GmbH\n" * 5_000]
)
def test_hostile_text_takes_no_time_to_speak_of(text: str) -> None:
    list(find_companies(text))  # the limit of time is the test run's
