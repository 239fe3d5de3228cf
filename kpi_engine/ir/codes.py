"""Every code a diagnostic can have, with its meaning in one line. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

# ------------------------------------------------------------------------------------------- names and their meaning
NAMES: Mapping[str, str] = {
    "E201": "a word means no source, entity or grain",
    "E202": "no metric of this name",
    "E203": "no column of this name",
    "E204": "no function of this name",
    "E205": "two things answer to one word",
    "E206": "two metrics or dimensions have one name",
    "E207": "a column is declared twice",
    "E208": "several chains of references lead to a source",
    "E209": "no chain of references leads to a source",
    "E210": "a definition depends on itself",
    "E211": "a property that does not exist here",
    "E212": "a property with a value of the wrong form",
    "E213": "a type that does not exist",
    "E214": "a reference to a source whose key does not fit",
    "E215": "no dimension of this name",
    "E216": "an override that replaces nothing, or a second one of the same metric",
    "E217": "a definition that expands to too many others",
    "E218": "a property is missing",
    "W201": "names that could not be verified because the table is out of reach",
    "N201": "what was left out because it uses something with an error",
}

MEANING: Mapping[str, str] = {
    "E301": "a metric where a column belongs",
    "E302": "a column outside an aggregate",
    "E303": "an aggregate or window inside the rows of another without `per`",
    "E304": "a source or entity where a value belongs",
    "E305": "counting an entity without `distinct`",
    "E306": "an aggregate that names no source",
    "E307": "an aggregate over several sources none of which reaches the others",
    "E308": "a condition that is neither true nor false",
    "E309": "a dimension where a metric belongs",
    "E310": "rows would be repeated by a one-to-many step",
    "E311": "an entity can be counted in several sources",
    "E312": "an entity can be counted in no source",
    "E313": "rows of a source without time in a period",
    "E314": "a key is needed and the source has none",
    "E315": "a source refers to one thing by several columns",
    "E320": "units that do not add up or compare",
    "E321": "a comparison of different types",
    "E322": "a text compared with a date",
    "E323": "a date and a timestamp together",
    "E324": "arithmetic on something other than numbers",
    "E325": "a comparison with null",
    "E326": "a percent metric compared with a bare number",
    "E327": "points where they have no meaning",
    "E328": "percent and points together",
    "E329": "a decimal and a floating-point number together in rows",
    "E330": "a sum over the days of a snapshot",
    "E331": "`at` on a source without lifetime or snapshot",
    "E332": "`at` and `dated by` together",
    "E333": "`dated by` something other than a time column",
    "E334": "a clause or modifier that does not belong here",
    "E335": "a period where it has no meaning, or that does not exist",
    "E336": "a duration that does not fit",
    "E337": "`previous` without a length inside a window of its own",
    "E338": "the wrong number of arguments",
    "E339": "an argument of the wrong type",
    "E340": "an argument that must be written out",
    "E341": "a unit that does not fit the metric",
    "E342": "a target that does not fit the unit",
    "E343": "a sequence of events without a key in common",
    "E345": "a filter on the wrong side of `followed by`",
    "E346": "an aggregate that has no way to its `per` key",
    "E347": "groups without rows would matter and are not looked at",
    "E349": "values of different types where one type is needed",
    "E350": "a list where it does not belong, or one with more than literals",
    "E351": "a condition that a total drops only in part",
    "E352": "the parts of a dimension do not fit together",
    "E353": "a computed column of another type than declared",
    "E354": "a filter that cannot be applied to a source",
    "E355": "a reference between columns of different types",
    "E356": "a child source that does not refer to its parent by one column",
    "E357": "a derived source of unknown form",
    "E358": "columns of a source that do not fit its properties",
    "E359": "null as the whole of a definition",
}

RULES: Mapping[str, str] = {
    "E401": "percent of a percentage is ambiguous",
    "E402": "an amount that does not fit the metric",
    "E403": "lengths of an alert that do not fit",
    "E404": "a placeholder that means nothing",
}

QUESTIONS: Mapping[str, str] = {
    "E501": "a metric cannot be split by a dimension",
    "E502": "no metric of this name to ask for",
    "E503": "no dimension of this name to split by",
    "E504": "no grain of this name",
    "E505": "a comparison with the period before, without a grain",
    "E506": "dates grouped by hour",
    "E507": "a to-date window finer than the period",
    "E508": "a span that is not made of periods or dates",
    "E509": "an order by something that is not in the answer",
    "E510": "a limit that is not a positive number",
    "E511": "nothing to compute",
    "E512": "a condition that a total of a metric drops only in part",
    "E513": "two columns of the answer with one name",
    "E514": "a condition that a metric's source cannot follow",
    "E590": "a construct that is checked but not evaluated yet",
}

DATA: Mapping[str, str] = {
    "E601": "no table of this name",
    "E602": "several files that a table's name could mean",
    "E603": "files of an unknown format, or of several in one table",
    "E604": "a folder without data files, or a table of too many",
    "E605": "a file that cannot be read",
    "E606": "a column of different types in the files of one table",
    "E607": "a column that the table does not have, or has twice",
    "E608": "a value that does not fit the type of its column",
    "E609": "values that are out of range",
    "E610": "a column stored as a type that cannot be read as the declared one",
    "E611": "a text in another encoding",
    "E612": "a file option of the wrong form",
    "E613": "a header that names a column twice",
    "E614": "a row with another number of fields than the header",
    "E615": "a quote that is never closed",
    "E616": "a header in one column, probably with another delimiter",
    "E620": "no connection of this name",
    "E621": "no connector of this name",
    "E622": "an object that is no table",
}

TABLES: Mapping[str, str] = {
    "E680": "a declared type that the table's column cannot be read as",
    "E681": "a declared column that the table does not have",
    "E682": "a column of a type that has no meaning here",
    "E683": "two columns of a table with one name",
}

PACKS: Mapping[str, str] = {
    "E790": "a pack is used",
    "E791": "a table is mapped to a pack's source",
    "E792": "a metric is overridden",
}

CODES: Mapping[str, str] = {**NAMES, **MEANING, **RULES, **QUESTIONS, **DATA, **TABLES, **PACKS}
"""All codes of all stages."""
