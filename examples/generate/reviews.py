"""The reviews of 2024 as the booking system exports them: a CSV with semicolons, in Windows-1252."""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Review:
    """One guest's review; the fields are the columns of the export. `cijfer` is out of ten, `reissom` in euros."""

    datum: str
    gast: str
    accommodatie: str
    cijfer: str
    reissom: str
    titel: str
    tekst: str


REVIEWS = (
    Review("03-03-2024", "Familie Verbrugge", "Boschalet 6", "9", "€ 412,00", "Heerlijke voorjaarsvakantie",
           "Alles was schoon en warm bij aankomst. De kinderen wilden de speelboerderij niet meer uit."),
    Review("01-04-2024", "M. Oudejans", "Kampeerplaats Heide 14", "6", "€ 138,50", "Mooie plek, slechte wifi",
           "De plaats is ruim en ligt in de zon; de wifi viel elke avond weg, zodat ik niet kon thuiswerken."),
    Review("05-05-2024", "Renée Schaapman", "Boschalet 22", "8", "€ 365,00", "Rust en ruimte",
           "Vanuit bed zagen we reeën. Eén minpunt: de oven deed het pas na bezoek van de technische dienst."),
    Review("20-05-2024", "Familie Özdemir", "Stacaravan 41", "5", "€ 274,00", "Aan vervanging toe",
           "De caravan was verouderd en het rook er muf. De receptie gaf ons zonder morren € 50,00 terug."),
    Review("16-06-2024", "Groep Van Hasselt", "Groepsveld Oever", "9", "€ 1.186,00", "Familiedag voor zestig man",
           "De nieuwe zaal van De Veenhut is prachtig. Het buffet was vers en er was genoeg voor vegetariërs."),
    Review("14-07-2024", "Daniëlle Kort", "Kampeerplaats Berk 3", "7", "€ 296,40", "Natte week, goed opgevangen",
           "Het veld stond na de onweersbui blank. We kregen 's avonds nog een droge plaats bij het zwembad."),
    Review("28-07-2024", "P. Lindqvist", "Boschalet 11", "10", "€ 948,00", "Beter wordt het niet",
           "Vierde jaar op rij. Het personeel kent ons bij naam en het zwembad gaat al om zeven uur open."),
    Review("11-08-2024", "Familie De Graaff", "Boschalet 30", "4", "€ 915,00", "Drie kwartier in de rij",
           "Bij aankomst stonden we drie kwartier te wachten op de sleutel en daarna was het chalet nog niet schoon."),
    Review("25-08-2024", "Joëlle Martens", "Kampeerplaats Oever 21", "8", "€ 341,00", "Fijn sanitair",
           "Het sanitairgebouw wordt drie keer per dag schoongemaakt. Douchen kost niets extra; dat zie je zelden."),
    Review("22-09-2024", "H. Buitenweg", "Jaarplaats 88", "7", "€ 3.420,00", "Tevreden, maar de prijs",
           "We staan hier twaalf jaar. De jaarplaats is in drie jaar wel 9% duurder geworden."),
    Review("20-10-2024", "Familie Nijdam", "Boschalet 17", "9", "€ 524,00", "Herfst in het bos",
           "De paddenstoelentocht met de boswachter was het hoogtepunt. Laden van de auto kost € 0,38 per kWh."),
    Review("03-11-2024", "T. Wielinga", "Boschalet 9", "6", "€ 289,00", "Koude douche",
           "De boiler gaf maar vijf minuten warm water. Na een telefoontje is hij de volgende dag vervangen."),
    Review("27-12-2024", "Familie Álvarez", "Boschalet 26", "9", "€ 836,00", "Kerst zoals het hoort",
           "Vuurkorf, glühwein en een kerstman op een tractor. Het menu van de chef was € 47,50 en dat waard."),
)  # fmt: skip


def write_reviews(path: Path) -> None:
    """Write the export to `path`."""
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(field.name for field in fields(Review))
        writer.writerows(astuple(review) for review in REVIEWS)
