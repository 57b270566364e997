"""The given figures of Zilverveen Recreatie B.V., in whole euros: its opening balance and what each year brought.

Everything else in the annual accounts (balances, tax, result, cash flow) follows from these in `ledger.py`. Costs are positive.
"""

from __future__ import annotations

from dataclasses import dataclass

YEARS = (2022, 2023, 2024)

Amounts = dict[str, int]
Series = dict[str, tuple[int, int, int]]  # a figure for each of YEARS


@dataclass(frozen=True, slots=True)
class Asset:
    """A class of tangible fixed assets at one moment."""

    cost: int
    depreciation: int = 0

    @property
    def book_value(self) -> int:
        return self.cost - self.depreciation


@dataclass(frozen=True, slots=True)
class Sale:
    """Fixed assets sold: what left the books, and the price they fetched."""

    year: int
    asset_class: str
    sold: Asset
    price: int


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan with fixed yearly repayments, the first one in the year after it was drawn."""

    rate: str
    repayment: int
    final_year: int
    security: str
    opening: int = 0
    drawn_in: int | None = None
    drawn: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """The balance sheet of 31 December 2021, loans and provisions apart."""

    assets: dict[str, Asset]
    inventories: int
    receivables: int
    cash: int
    capital: int
    premium: int
    reserves: int
    result: int
    payables: int
    tax_payable: int
    provisions: Amounts


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is given. `inventories`, `receivables` and `payables` are balances at the end of each year."""

    opening: Opening
    loans: dict[str, Loan]
    invested: Series
    depreciated: Series
    sales: tuple[Sale, ...]
    revenue: Series
    other_income: tuple[int, int, int]
    cost_of_sales: tuple[int, int, int]
    staff_costs: Series
    staff: dict[str, tuple[float, float, float]]
    housing: Series
    running: Series
    selling: Series
    general: Series
    interest_income: tuple[int, int, int]
    provisions_added: Series
    provisions_used: Series
    dividend: tuple[int, int, int]
    inventories: Series
    receivables: Series
    doubtful: tuple[int, int, int]
    till: tuple[int, int, int]
    under_way: tuple[int, int, int]
    tax_payable: tuple[int, int, int]
    payables: Series
    interest: Series


def of(series: Series, year: int) -> Amounts:
    """The amounts of one year."""
    return {label: amounts[YEARS.index(year)] for label, amounts in series.items()}


BUILDINGS, GROUNDS, LODGES = "Gebouwen", "Terreinen", "Verhuuraccommodaties"
FIXTURES, VEHICLES = "Inventaris", "Vervoermiddelen"
MAINTENANCE, JUBILEE = "Groot onderhoud", "Jubileumuitkeringen"
MORTGAGE, SOLAR = "Hypothecaire lening Streekbank", "Duurzaamheidslening Streekbank"
GROUP = "Lening Zilverveen Beheer B.V."
TRADE = "Handelsdebiteuren"

FIGURES = Figures(
    opening=Opening(
        assets={
            BUILDINGS: Asset(2_864_512, 1_172_347),
            GROUNDS: Asset(1_420_768, 318_921),
            LODGES: Asset(2_310_240, 1_104_618),
            FIXTURES: Asset(486_335, 291_742),
            VEHICLES: Asset(148_905, 87_264),
        },
        inventories=38_417,
        receivables=202_096,
        cash=612_483,
        capital=90_000,
        premium=310_000,
        reserves=1_390_413,
        result=182_651,
        provisions={MAINTENANCE: 148_000, JUBILEE: 22_414},
        payables=667_166,
        tax_payable=38_220,
    ),
    loans={
        MORTGAGE: Loan("3,15%", 120_000, final_year=2037, security="recht van hypotheek", opening=1_860_000),
        SOLAR: Loan("4,20%", 24_000, final_year=2033, security="pandrecht op de panelen", drawn_in=2023, drawn=240_000),
        GROUP: Loan("4,00%", 50_000, final_year=2029, security="geen, de lening is achtergesteld", opening=400_000),
    },
    invested={
        BUILDINGS: (64_280, 86_435, 238_614),
        GROUNDS: (41_763, 168_290, 52_341),
        LODGES: (182_406, 214_603, 396_218),
        FIXTURES: (38_915, 74_852, 61_787),
        VEHICLES: (0, 28_750, 31_450),
    },
    depreciated={
        BUILDINGS: (102_451, 104_886, 109_734),
        GROUNDS: (48_322, 56_941, 62_418),
        LODGES: (186_743, 194_312, 208_875),
        FIXTURES: (52_617, 57_208, 61_343),
        VEHICLES: (18_432, 16_125, 17_980),
    },
    sales=(
        Sale(2023, LODGES, Asset(96_400, 88_150), price=14_500),
        Sale(2023, VEHICLES, Asset(24_300, 24_300), price=3_250),
        Sale(2024, LODGES, Asset(118_700, 104_320), price=21_000),
        Sale(2024, FIXTURES, Asset(42_615, 42_615), price=0),
    ),
    revenue={
        "Verhuur accommodaties": (1_742_312, 1_866_947, 2_014_583),
        "Toeristische kampeerplaatsen": (1_064_871, 1_098_226, 1_141_364),
        "Jaarplaatsen": (412_560, 431_904, 447_215),
        "Horeca": (688_243, 742_689, 801_936),
        "Winkel en activiteiten": (196_418, 208_133, 219_487),
    },
    other_income=(42_314, 18_752, 23_946),
    cost_of_sales=(462_183, 494_317, 531_748),
    staff_costs={
        "Lonen en salarissen": (1_186_405, 1_268_953, 1_352_612),
        "Sociale lasten": (214_736, 231_487, 246_908),
        "Pensioenlasten": (68_917, 74_262, 79_845),
        "Overige personeelskosten": (41_208, 46_731, 52_364),
    },
    staff={
        "Receptie en reserveringen": (5.8, 6.1, 6.2),
        "Horeca": (9.4, 9.7, 10.3),
        "Schoonmaak": (6.7, 6.9, 7.1),
        "Technische dienst en groen": (4.6, 4.8, 5.0),
        "Recreatie en zwembad": (2.5, 2.6, 2.7),
        "Directie en administratie": (2.4, 2.5, 2.5),
    },
    housing={
        "Energie en water": (318_406, 361_275, 297_842),
        "Onderhoud gebouwen en terrein": (148_317, 156_904, 182_465),
        "Dotatie voorziening groot onderhoud": (45_000, 45_000, 50_000),
        "Verzekeringen": (52_186, 58_433, 61_907),
        "Gemeentelijke heffingen": (40_304, 46_816, 49_763),
    },
    running={
        "Schoonmaak en linnen": (121_405, 127_618, 131_943),
        "Recreatie en animatie": (41_862, 43_907, 46_385),
        "Kleine aanschaffingen": (31_247, 32_586, 33_418),
        "Autokosten": (24_133, 25_209, 27_016),
    },
    selling={
        "Provisie boekingskanalen": (198_642, 207_315, 221_486),
        "Reclame en beurzen": (84_107, 88_420, 91_255),
        "Dotatie voorziening dubieuze debiteuren": (4_186, 5_512, 5_674),
    },
    general={
        "Automatisering en telefonie": (72_318, 78_604, 86_247),
        "Kantoorkosten": (21_904, 21_267, 18_098),
        "Accountants- en advieskosten": (38_450, 41_208, 43_620),
        "Managementvergoeding Zilverveen Beheer B.V.": (104_000, 107_700, 112_600),
    },
    interest_income=(0, 2_483, 6_317),
    interest={
        MORTGAGE: (57_645, 53_862, 50_085),
        SOLAR: (0, 5_040, 9_826),
        GROUP: (15_500, 13_500, 11_500),
        "Bankkosten en overige rente": (1_704, 1_018, 1_206),
    },
    provisions_added={MAINTENANCE: (45_000, 45_000, 50_000), JUBILEE: (2_310, 2_486, 3_125)},
    provisions_used={MAINTENANCE: (31_840, 62_417, 88_206), JUBILEE: (1_500, 0, 4_250)},
    dividend=(90_000, 120_000, 140_000),
    inventories={
        "Horeca": (24_816, 26_347, 28_905),
        "Winkel": (12_432, 13_208, 12_766),
        "Technische dienst": (3_905, 4_418, 4_137),
    },
    receivables={
        TRADE: (104_982, 112_637, 118_264),
        "Rekening-courant Zilverveen Beheer B.V.": (58_310, 41_276, 36_945),
        "Te vorderen omzetbelasting": (0, 12_448, 0),
        "Overige vorderingen en overlopende activa": (43_218, 46_903, 52_671),
    },
    doubtful=(8_214, 9_630, 11_472),
    till=(10_215, 11_846, 9_372),
    under_way=(19_730, 24_517, 31_208),
    tax_payable=(41_306, 52_874, 36_118),
    payables={
        "Schulden aan leveranciers": (192_417, 203_684, 231_950),
        "Omzetbelasting, loonheffing en premies": (94_261, 87_338, 108_426),
        "Vooruitontvangen boekingen": (301_845, 318_472, 346_218),
        "Vakantiegeld en vakantiedagen": (61_204, 65_117, 69_384),
        "Overige schulden en overlopende passiva": (46_817, 48_260, 51_093),
    },
)
