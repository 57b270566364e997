"""What Dutch and German words are like: what links the parts of a compound, and what cannot be a part of one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DUTCH_SUFFIXES = """
    aal aar aat achtig ant atie baar bar d de den dom e eel eer elijk eling en end ent er eren erij es eur g gewijs gewijz hed heid
    ie ief iel ier iev ig in ing isatie isch isme ist iteit je leren lijk lijks ling loos los loz maal malig matig neren nis niss
    pelijk pje rend rijk s schap schapp st ste t te ten teren tje ueren vol voll waardig waarts zaam zam
"""
_GERMAN_SUFFIXES = """
    al ant anz arm bar bend chen d de dem den der des e ell eln em en end ent enz er ern es fach frei gemäß haft heit ien ier
    ieren iert ig igt in inn ion isch ismus ist istisch ität iv keit lein ler lich ling los mal mäßig ner nis niss reich risch
    sam sch schaft st t te tem ten ter tes test tet tum tüm ung voll weise wert wärts würdig är ös
"""
_DUTCH_WITH_S = """
    arbeid bedrijf beleid beroep bestuur bevolking gebruik geluid gemeente gesprek gezicht gezin geboorte handel inkomen krediet
    land leeftijd leven leverancier lijden onderwijs ontwerp personeel recht staat stad toegang uitgang veld verblijf verbruik
    verkeer verkoop vermogen vertrek vervoer vrede ziekenhuis
"""
_GERMAN_WITH_S = """
    anfang antrag arbeit auftrag ausgleich bahnhof bedarf beitrag beruf besitz bestand betrieb bezug eigentum einkommen gebiet
    geburt gericht geschäft gesicht gewicht jahr könig land leben ort recht schiff staat tag umsatz verkehr verlust vermögen
    vertrag vertrieb verzug vorrat wesen zugang
"""
_LINK = re.compile(
    "e[nr][bcdfghjklmnprstvwz]"
)  # an unknown part without another link seldom begins like this: it is one
_VOWELS = "aeiouyäëïöüéè"


@dataclass(frozen=True, slots=True)
class Grammar:
    """The rules of a language.

    `links` stand between two parts, the shortest first: of two words that are written alike with their links, the longer one is
    meant. Words with one of the endings `s_after`, and those of `with_s`, have the link s rather than the s that another part
    begins with. `prefixes` open a compound, and an unknown part does not follow them. An unknown part has the `beginning` of a
    word, does not begin as what is `derived` from the part before it, and is more than `suffixes` in a row; in front of a known
    one it has the `ending` of a word, and an s that `link_s` finds there is a link.
    """

    links: tuple[str, ...]
    s_after: tuple[str, ...]
    with_s: frozenset[str]
    prefixes: frozenset[str]
    suffixes: re.Pattern[str]
    derived: re.Pattern[str]
    beginning: re.Pattern[str]
    ending: re.Pattern[str]
    link_s: re.Pattern[str]

    def takes_link_s(self, head: str, rest: str) -> bool:
        """Whether an s that `rest` begins with is the link of a known `head` before it."""
        if not rest.startswith("s"):
            return False
        if head.endswith(self.s_after) or head in self.with_s or (head.endswith("er") and rest[1] in _VOWELS):
            return True
        return not self.beginning.match(rest)

    def follows(self, head: str, rest: str, *, linked: bool) -> bool:
        """Whether an unknown `rest` may stand behind a known `head`, `linked` by an s or right behind it."""
        if head in self.prefixes or not self.is_wordlike(rest):
            return False
        return (
            self.takes_link_s(head, f"s{rest}") if linked else not (_LINK.match(rest) or self.takes_link_s(head, rest))
        )

    def is_wordlike(self, rest: str) -> bool:
        """Whether a piece of a word may be a word for all that it begins with and is made of."""
        return not (self.derived.match(rest) or self.suffixes.fullmatch(rest)) and bool(self.beginning.match(rest))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rows_of(suffixes: str) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(suffixes.split())})+")


def _beginning(clusters: str) -> re.Pattern[str]:
    return re.compile(f"(?:[bcdfghjklmnprstvwz]|{'|'.join(clusters.split())})?[{_VOWELS}]")


def _ending(consonants: str, pairs: str, unfinished: str) -> re.Pattern[str]:
    """What ends in a vowel, in one of `consonants` after a vowel, or in one of `pairs`, and not in one of the `unfinished`."""
    finished = "".join(f"(?<!{prefix})" for prefix in unfinished.split())
    return re.compile(f".*(?:[{_VOWELS}j][{consonants}]?|{pairs}|[lr][mn]|ch){finished}")


GRAMMARS = {
    "nl": Grammar(
        links=("", "s", "n", "e", "en", "er"),
        s_after=("ing", "heid", "teit", "schap", "dom", "aar", "eur"),
        with_s=_words(_DUTCH_WITH_S),
        prefixes=_words("achter binnen boven buiten mede onder samen tegen terug tussen"),
        suffixes=_rows_of(_DUTCH_SUFFIXES),
        derived=re.compile("ings|ingen|rings|isat|iteit|ation|olog|heid|schap|lijk"),
        beginning=_beginning(
            "bl br ch chr cl cr dr dw fl fr gl gr kl kn kr kw ph pl pr ps qu sc sch schr sh sj sk sl sm sn sp spl spr st str sw th"
            " tr tw vl vr wr zw"
        ),
        ending=_ending(
            "bcdfgklmnprstwx",
            r"(?!(.)\1)[bcdfghklmnprst][bcdfgkpst]",
            "be ge ver voor terug tegen over door",
        ),
        link_s=re.compile("(?:[aeiouy][dgmrt]|[dfglnr]t|[lnr]d|ng|cht|[lr]f|ei?l)s$"),
    ),
    "de": Grammar(
        links=("", "s", "n", "e", "es", "en", "er"),
        s_after=("ung", "heit", "keit", "schaft", "tät", "ion", "tum", "ling", "trag", "schlag", "gang"),
        with_s=_words(_GERMAN_WITH_S),
        prefixes=_words("außen binnen gegen haupt innen neben rück unter wieder zurück zusammen zwischen"),
        suffixes=_rows_of(_GERMAN_SUFFIXES),
        derived=re.compile("ungs|ungen|rungs|isch|isier|isat|ität|ation|olog|alr|heit|keit|schaft|lich"),
        beginning=_beginning(
            "bl br ch chr cl cr dr fl fr gl gn gr kl kn kr pf pfl ph phr pl pr ps qu sch schl schm schn schr schw sh sk sl sp spl"
            " spr st str th tr wr zw"
        ),
        ending=_ending(
            "bcdfghklmnprstwxzß", "[bcdfghklmnprst][bcdfgkpstzß]|ll|mm|nn", "be ge geg ver vor nach über üb auf zu an"
        ),
        link_s=re.compile("(?:[aeiouyäöü][dgmrt]|[dfglnr]t|[lnr]d|ng|cht|ft|ion|ei?l)s$"),
    ),
}
