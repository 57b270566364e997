"""The quotations: a Dutch one that the park sends, and a German one that it receives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What is offered: a price a piece in the offer's currency, before VAT."""

    description: str
    quantity: int
    price: Decimal
    vat: int

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Wording:
    """The fixed words of an offer in one language, and how it writes an amount of money."""

    columns: tuple[str, str, str, str, str]
    net: str
    vat: str
    gross: str
    terms: str
    money: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A quotation. `details` are its number, dates and reference, as label and value."""

    title: str
    language: str
    written: date
    sender: tuple[str, ...]
    addressee: tuple[str, ...]
    details: tuple[tuple[str, str], ...]
    opening: tuple[str, ...]
    lines: tuple[Line, ...]
    terms: tuple[str, ...]
    closing: tuple[str, ...]
    wording: Wording

    @property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def vat(self) -> dict[int, Decimal]:
        """The tax by its rate in percent, rates of nought left out."""
        rates = sorted({line.vat for line in self.lines} - {0})
        return {rate: self._taxed(rate) * rate / 100 for rate in rates}

    @property
    def gross(self) -> Decimal:
        return self.net + sum(self.vat.values())

    def _taxed(self, rate: int) -> Decimal:
        return sum((line.amount for line in self.lines if line.vat == rate), Decimal(0))


DUTCH = Wording(
    columns=("Omschrijving", "Aantal", "Prijs per stuk", "Btw", "Bedrag"),
    net="Totaal exclusief btw",
    vat="Btw {}%",
    gross="Totaal inclusief btw",
    terms="Voorwaarden",
    money="€ {}",
)
GERMAN = Wording(
    columns=("Leistung", "Menge", "Einzelpreis", "USt.", "Gesamtpreis"),
    net="Nettobetrag",
    vat="Umsatzsteuer {} %",
    gross="Gesamtbetrag",
    terms="Liefer- und Zahlungsbedingungen",
    money="{} €",
)

TEAM_WEEKEND = Offer(
    title="Offerte teamweekend",
    language="nl-NL",
    written=date(2025, 5, 14),
    sender=(
        "Vakantiepark Zilverveen",
        "Veenlaan 12, 0000 AA Hoogvenne",
        "groepen@zilverveen.example.nl",
        "KvK 00000000, btw NL000000000B00",
    ),
    addressee=("Terhorst Installatietechniek B.V.", "t.a.v. mevrouw S. Aalbers", "Kanaalweg 7", "0000 BB Wolderbeek"),
    details=(
        ("Offertenummer", "2025-0117"),
        ("Datum", "14 mei 2025"),
        ("Geldig tot en met", "11 juni 2025"),
        ("Verblijf", "vrijdag 24 tot en met zondag 26 oktober 2025"),
        ("Aantal personen", "48"),
    ),
    opening=(
        "Geachte mevrouw Aalbers,",
        (
            "Hartelijk dank voor uw aanvraag en voor het prettige gesprek tijdens de rondleiding van 8 mei. Graag bieden wij u "
            "het volgende arrangement aan voor het jaarlijkse teamweekend van uw bedrijf. U verblijft in twaalf boschalets rond "
            "hetzelfde veld, zodat de groep bij elkaar blijft; de vergaderzaal van De Veenhut staat op zaterdag de hele dag voor "
            "u klaar."
        ),
    ),
    lines=(
        Line("Boschalet voor vier personen, twee nachten, inclusief bedlinnen", 12, Decimal("318.00"), 9),
        Line("Driegangendiner in De Veenhut op vrijdagavond", 48, Decimal("36.50"), 9),
        Line("Barbecue met salades en brood op zaterdagavond", 48, Decimal("29.75"), 9),
        Line("Ontbijtbuffet op zaterdag en zondag", 96, Decimal("13.50"), 9),
        Line("Vergaderzaal met scherm, koffie en thee, zaterdag", 1, Decimal("425.00"), 21),
        Line("Fietstocht met gids langs de Veenbeek, inclusief huurfiets", 48, Decimal("34.00"), 21),
        Line("Toeristenbelasting per persoon per nacht", 96, Decimal("1.85"), 0),
    ),
    terms=(
        (
            "Bij akkoord ontvangt u een factuur voor de aanbetaling van 30%; het restant voldoet u uiterlijk vier "
            "weken voor aankomst."
        ),
        (
            "Het definitieve aantal personen geeft u door tot en met 10 oktober 2025. Een daling van ten hoogste vier "
            "personen is kosteloos."
        ),
        (
            "Kosteloos annuleren kan tot 1 september 2025. Daarna brengen wij 50% van de reissom in rekening, vanaf "
            "10 oktober 100%."
        ),
        (
            "Aankomst vrijdag vanaf 15.00 uur, vertrek zondag voor 11.00 uur. Honden zijn toegestaan in twee van de "
            "twaalf chalets."
        ),
        "Wij houden de chalets voor u vast zolang deze offerte geldig is.",
    ),
    closing=("Met vriendelijke groet,", "Ilse Brandsema", "coördinator groepen en zakelijke gasten"),
    wording=DUTCH,
)

NATURE_LODGES = Offer(
    title="Angebot Naturlodges",
    language="de-DE",
    written=date(2025, 2, 3),
    sender=("Holzbau Brinkmeyer GmbH", "Am Sägewerk 4, 00000 Tannbach", "angebote@holzbau-brinkmeyer.example.com"),
    addressee=("Zilverveen Recreatie B.V.", "Frau J.A. Wolthuis", "Veenlaan 12", "0000 AA Hoogvenne, Niederlande"),
    details=(
        ("Angebotsnummer", "A-2025-042"),
        ("Datum", "3. Februar 2025"),
        ("Gültig bis", "31. März 2025"),
        ("Ansprechpartner", "Jörg Brinkmeyer"),
    ),
    opening=(
        "Sehr geehrte Frau Wolthuis,",
        (
            "vielen Dank für Ihre Anfrage und die ausführliche Besichtigung des Geländes am 22. Januar. Wir bieten Ihnen die "
            "Lieferung und Montage von sechs Naturlodges in Holzrahmenbauweise an. Jede Lodge hat 38 m² Wohnfläche, zwei "
            "Schlafzimmer, ein Bad und eine überdachte Terrasse. Die Außenwände sind mit Holzfaser gedämmt und erreichen einen "
            "U-Wert von 0,16 W/(m²K); die Lodges sind damit ganzjährig nutzbar."
        ),
    ),
    lines=(
        Line("Naturlodge Typ Moor, 38 m², bezugsfertig ausgestattet", 6, Decimal("71900.00"), 0),
        Line("Terrasse aus Lärchenholz, 18 m², mit Überdachung", 6, Decimal("4350.00"), 0),
        Line("Transport und Kranstellung bis Hoogvenne", 6, Decimal("3850.00"), 0),
        Line("Montage und Anschluss vor Ort", 6, Decimal("4900.00"), 0),
        Line("Einweisung des Technikteams, zwei Tage", 1, Decimal("2400.00"), 0),
    ),
    terms=(
        "Steuerfreie innergemeinschaftliche Lieferung; die Umsatzsteuer schuldet der Leistungsempfänger.",
        "Lieferzeit: 26 Wochen nach Auftragseingang, Aufstellung in den Kalenderwochen 40 bis 43.",
        (
            "Zahlung: 30 % bei Auftrag, 40 % bei Versandbereitschaft, 30 % nach Abnahme. Bei Zahlung binnen 10 Tagen "
            "gewähren wir 2 % Skonto."
        ),
        (
            "Die Fundamente (Schraubfundamente, 24 je Lodge) sowie die Erschließung mit Strom und Wasser werden "
            "bauseits erbracht."
        ),
        "Gewährleistung: fünf Jahre auf die Holzkonstruktion, zwei Jahre auf Geräte und Armaturen.",
    ),
    closing=("Mit freundlichen Grüßen", "Jörg Brinkmeyer", "Geschäftsführer"),
    wording=GERMAN,
)
