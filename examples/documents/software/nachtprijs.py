"""Bepaalt de prijs van een nacht in een boschalet, zoals het reserveringssysteem die toont."""

from dataclasses import dataclass
from datetime import date, timedelta

BASISPRIJS = 94.0
WEEKENDTOESLAG = 1.25
VROEGBOEKDAGEN = 120
VROEGBOEKKORTING = 0.08
HONDENTARIEF = 5.50


@dataclass(frozen=True)
class Seizoen:
    """Een periode met een eigen factor op de basisprijs."""

    naam: str
    begin: date
    einde: date
    factor: float

    def bevat(self, dag: date) -> bool:
        return self.begin <= dag <= self.einde


SEIZOENEN = (
    Seizoen("voorjaarsvakantie", date(2025, 2, 15), date(2025, 3, 2), 1.15),
    Seizoen("meivakantie", date(2025, 4, 26), date(2025, 5, 4), 1.30),
    Seizoen("zomer", date(2025, 7, 5), date(2025, 8, 24), 1.55),
    Seizoen("herfstvakantie", date(2025, 10, 11), date(2025, 10, 26), 1.25),
)


def nachtprijs(dag: date, bezetting: float) -> float:
    """De prijs van de nacht die op `dag` begint; `bezetting` is het deel van de chalets dat al geboekt is, van 0 tot 1."""
    factor = next((seizoen.factor for seizoen in SEIZOENEN if seizoen.bevat(dag)), 1.0)
    if dag.weekday() in (4, 5):
        factor *= WEEKENDTOESLAG
    if bezetting > 0.85:
        factor *= 1.10
    return round(BASISPRIJS * factor, 2)


def verblijfsprijs(aankomst: date, nachten: int, geboekt_op: date, bezetting: float, honden: int = 0) -> float:
    """De prijs van een heel verblijf, met vroegboekkorting en honden; toeristenbelasting komt er nog bij."""
    if nachten < 2:
        raise ValueError("een verblijf duurt ten minste twee nachten")
    prijs = sum(nachtprijs(aankomst + timedelta(days=nummer), bezetting) for nummer in range(nachten))
    if (aankomst - geboekt_op).days >= VROEGBOEKDAGEN:
        prijs *= 1 - VROEGBOEKKORTING
    return round(prijs + honden * nachten * HONDENTARIEF, 2)
