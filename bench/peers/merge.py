"""Tables in Markdown that new rows go into, while the others stay.

A table is known by its head, a row by its first cell. What was measured when is told by paragraphs
before the first table: one that begins with names in backquotes and a colon is of those rows, one
that does not is of all others.
"""
import re

NAMED = re.compile(r"^((?:`[^`]+`, )*`[^`]+`): ")


def key(row):
    """The first cell, without a remark in parentheses at its end.

    >>> key("| lenet: share (another run) | 1.01 | ≥ 0.55 | met |")
    'lenet: share'
    """
    return re.sub(r" \([^()]*\)$", "", row.split(" | ")[0].strip("| "))


def rows(text, head):
    """By first cell: the rows of the table with that head.

    >>> rows("a\\n\\n| x | y |\\n|---|---|\\n| p | 1 |\\n| q | 2 |\\n\\nb", "| x | y |\\n|---|---|")
    {'p': '| p | 1 |', 'q': '| q | 2 |'}
    """
    _, found, rest = text.partition(head + "\n")
    lines = rest.partition("\n\n")[0].splitlines() if found else []
    return {key(line): line for line in lines if line.startswith("|")}


def table(text, head, new, order):
    """The table of `text` with new rows, in the order of `order`, then in their own.

    >>> print(table("| x |\\n|---|\\n| q |\\n| p (old) |", "| x |\\n|---|", ["| p |", "| r |"], ["p"]))
    | x |
    |---|
    | p |
    | q |
    | r |
    """
    merged = rows(text, head) | {key(row): row for row in new}
    first = [name for name in order if name in merged]
    names = first + [name for name in merged if name not in first]
    return "\n".join([head, *(merged[name] for name in names)])


def conditions(text, head, names, said):
    """What is said before the tables, when `names` are measured anew as `said` says.

    >>> head = "| x |\\n|---|"
    >>> old = f"Monday.\\n\\n{head}\\n| a |\\n| b |\\n| c |"
    >>> print(conditions(old, head, ["b"], "Tuesday."))
    Monday.
    <BLANKLINE>
    `b`: Tuesday.
    >>> new = f"Monday.\\n\\n`a`, `b`: Tuesday.\\n\\n{head}\\n| a |\\n| b |\\n| c |"
    >>> print(conditions(new, head, ["b", "c"], "Friday."))
    `a`: Tuesday.
    <BLANKLINE>
    `b`, `c`: Friday.
    >>> conditions(new, head, ["a", "b", "c"], "Sunday.")
    'Sunday.'
    """
    before = text.partition(head)[0].strip()
    left = [name for name in rows(text, head) if name not in names]
    kept, general = [], None
    for paragraph in filter(None, before.split("\n\n")):
        match = NAMED.match(paragraph)
        if not match:
            general = f"{general}\n\n{paragraph}" if general else paragraph
            continue
        still = [name for name in match[1].strip("`").split("`, `") if name in left]
        left = [name for name in left if name not in still]
        if still:
            kept.append(f"`{'`, `'.join(still)}`: {paragraph[match.end():]}")
    if not left and not kept:
        return said
    if left and general:
        kept.insert(0, general)
    return "\n\n".join([*kept, f"`{'`, `'.join(names)}`: {said}"])
