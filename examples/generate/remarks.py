"""The sentences in the notes that differ from year to year."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remarks:
    """What the directors had to say on items of one year's accounts."""

    fixed_assets: str
    provisions: str
    revenue: str
    staff: str
    operating_costs: str
    commitments: str
    after_balance_date: str


REMARKS = {
    2023: Remarks(
        fixed_assets="De investeringen in terreinen betreffen vooral het zonnedak boven het parkeerterrein. De WOZ-waarde van "
        "de gebouwen en terreinen bedraagt € 4.386.000 (waardepeildatum 1 januari 2022).",
        provisions="De onttrekking aan de voorziening groot onderhoud betreft het dak van de speelboerderij.",
        revenue="De omzet is geheel in Nederland behaald. Van de overnachtingen kwam 64% voor rekening van Nederlandse gasten, 27% "
        "van Duitse en 9% van overige gasten.",
        staff="De vennootschap had geen werknemers buiten Nederland. De beloning van de bestuurder loopt via de "
        "managementvergoeding.",
        operating_costs="De energiekosten stegen doordat het vaste contract op 1 januari 2023 afliep.",
        commitments="Voor drie bestelauto's en de kopieermachines zijn leaseovereenkomsten gesloten met een resterende "
        "verplichting van € 61.400, waarvan € 24.800 vervalt binnen een jaar. Voor de verbouwing van het restaurant is in december "
        "2023 een aannemingsovereenkomst getekend voor € 198.500.",
        after_balance_date="Na balansdatum hebben zich geen gebeurtenissen voorgedaan die van belang zijn voor het inzicht in "
        "vermogen en resultaat.",
    ),
    2024: Remarks(
        fixed_assets="De investeringen in gebouwen betreffen de verbouwing van restaurant De Veenhut, die in juni 2024 is "
        "opgeleverd. De WOZ-waarde van de gebouwen en terreinen bedraagt € 4.512.000 (waardepeildatum 1 januari 2023).",
        provisions="Aan de voorziening groot onderhoud is onttrokken voor de filterinstallatie van het zwembad en het asfalt op "
        "het park.",
        revenue="De omzet is geheel in Nederland behaald. Van de overnachtingen kwam 61% voor rekening van Nederlandse gasten, 29% "
        "van Duitse en 10% van overige gasten.",
        staff="De stijging bij de horeca hangt samen met de heropening van het restaurant. De bestuurder ontvangt geen beloning "
        "van de vennootschap; deze loopt via de managementvergoeding.",
        operating_costs="De lagere energiekosten zijn het gevolg van lagere tarieven en van de eigen opwekking van stroom.",
        commitments="Voor drie bestelauto's en de kopieermachines zijn leaseovereenkomsten gesloten met een resterende "
        "verplichting van € 36.600, waarvan € 22.300 vervalt binnen een jaar. De vennootschap staat garant voor € 15.000 jegens de "
        "gemeente Hoogvenne in verband met de aanleg van een uitrit.",
        after_balance_date="In maart 2025 is opdracht gegeven aan Holzbau Brinkmeyer GmbH voor de levering van zes "
        "natuurlodges, te plaatsen in het najaar van 2025. De verplichting bedraagt € 512.400 exclusief omzetbelasting.",
    ),
}
