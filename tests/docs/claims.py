#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every number of a page against the record that it comes from.

    tests/docs/claims.py              # what is wrong, a line each; exit code 1 if anything is
    tests/docs/claims.py --update     # after new records: writes their numbers into the pages

The claims of a page are a file beside this one. Each quotes the page, with {} for a number, and says where that comes from:

    page = "docs/results.md"

    [[claim]]
    text = "S/2 loses {} more at t = $t, XL/2 {}"       # `...` is anything without a digit; blanks and line ends are alike
    each.t = [40, 400]                                  # a claim for each, with $t put into all that it says
    from = "h200-cifar10/loss-gap.csv"                  # the table of values and holds that name none (records.py)
    values = ["model=S timestep=$t : mse_gap : .4f ±", "model=XL timestep=$t : 1000*mse : ,.0f"]
    holds = ["model=S timestep=$t : mse_gap_low > 0"]   # what must be true of all such rows for the sentence to be true

A value is `[TABLE] [COLUMN=VALUE ...] : EXPRESSION : FORMAT`.
- TABLE: several are joined by commas.
- COLUMN=VALUE: names with * and ? as in a shell; numbers also by <, >, <= and >=. One row must be left, unless
- EXPRESSION is `min X`, `max X`, `Y at min X` or `Y at max X`, which choose one, or `sum X`, `mean X`, `median X` or
  `count X` (of the rows where X is true); behind a semicolon what is made of `it`, as in `sum X; it / 2`.
- FORMAT is Python's. The zero before the point goes, unless the format begins with one (0.1f). `±` adds half the
  interval, `[]` its ends. The † of a disturbed time comes by itself.

Digits that are in no claim, no code and no target of a link must be of a kind named in plain.toml.
"""
import argparse
import fnmatch
import operator
import re
import string
import sys
import tomllib
from pathlib import Path
from statistics import mean, median

from records import marked, table

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"[−-]?(?:\d[\d,]*)?\.?\d+"
PLACE = rf"({NUMBER}(?:\s±\s{NUMBER}|\s\[{NUMBER},\s{NUMBER}\])?(?:\s†)?)"
COMPARE = {"=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
MANY = {"sum": sum, "count": sum, "mean": mean, "median": median}


class Wrong(Exception):
    """One line that says what is wrong with a claim."""


def evaluate(expression, row):
    try:
        return eval(expression, {"__builtins__": {}, "abs": abs, "len": len}, row)  # the claims are the project's own
    except (NameError, TypeError, SyntaxError) as error:
        raise Wrong(f"'{expression}': {error}") from None


def selected(row, condition):
    parts = re.fullmatch(r"(\w+)(<=|>=|=|<|>)(.+)", condition)
    if not parts or parts[1] not in row:
        raise Wrong(f"'{condition}' is no condition on a column")
    if isinstance(row[parts[1]], str):
        return fnmatch.fnmatchcase(row[parts[1]], parts[3])
    try:
        return COMPARE[parts[2]](row[parts[1]], float(parts[3]))
    except ValueError:
        return False  # a number is not this text


class Records:
    def __init__(self, reports):
        self.reports, self.tables = reports, {}

    def table(self, name):
        if name not in self.tables:
            try:
                self.tables[name] = table(self.reports, name)
            except (OSError, KeyError) as error:
                raise Wrong(f"no table '{name}': {error}") from None
        return self.tables[name]

    def rows(self, words, otherwise):
        """The rows that `[TABLE] [CONDITION ...]` leaves."""
        words = words.split()
        named = words and not re.match(r"\w+[<>=]", words[0])
        tables = words.pop(0) if named else otherwise
        rows = [row for name in tables.split(",") for row in self.table(name)
                if all(selected(row, condition) for condition in words)]
        if not rows:
            raise Wrong(f"no row of {tables} has {' '.join(words)}")
        return rows

    def value(self, source, otherwise):
        """What stands in a place, as the page prints it."""
        if source.count(" : ") + source.startswith(": ") != 2:
            raise Wrong("a value is `[TABLE] [COLUMN=VALUE ...] : EXPRESSION : FORMAT`")
        where, expression, form = (part.strip() for part in (" " + source).split(" : "))
        rows = self.rows(where, otherwise)
        if many := re.fullmatch(r"(sum|count|mean|median) ([^;]+)(?:; (.+))?", expression):
            it = MANY[many[1]](evaluate(many[2], row) for row in rows)
            return printed(evaluate(many[3] or "it", {"it": it}), form)
        if end := re.fullmatch(r"(?:(.+) at )?(min|max) (.+)", expression):
            expression = end[1] or end[3]
            rows = [{"min": min, "max": max}[end[2]](rows, key=lambda row: evaluate(end[3], row))]
        if len(rows) > 1:
            raise Wrong(f"{len(rows)} rows are left of '{source}'")
        return printed_row(expression, rows[0], form)


def printed(value, form):
    text = format(value + 0.0, form)
    if not form.startswith("0"):
        text = re.sub(r"^(-?)0\.", r"\1.", text)
    return text.replace("-", "−")


def printed_row(expression, row, form):
    form, _, style = form.partition(" ")
    names = set(re.findall(r"[A-Za-z_]\w*", expression)) & row.keys()
    text = printed(evaluate(expression, row), form)
    if style:
        if not any(name + "_low" in row for name in names):
            raise Wrong(f"'{expression}' has no interval")
        ends = sorted(evaluate(expression, row | {name: row.get(name + end, row[name]) for name in names})
                      for end in ("_low", "_high"))
        low, high = (printed(value, form) for value in ends)
        text += f" ± {printed((ends[1] - ends[0]) / 2, form)}" if style == "±" else f" [{low}, {high}]"
    return text + (" †" if marked(row, names) else "")


def each_of(claim):
    """The claim for each value of its loop, with them put in."""
    loop = claim.get("each", {})
    for values in zip(*loop.values(), strict=True) if loop else [()]:
        def put(text, names=dict(zip(loop, values))):
            return string.Template(text).substitute(names)
        yield {key: [put(part) for part in value] if isinstance(value, list) else put(value)
               for key, value in claim.items() if key != "each"}


def pattern_of(text):
    """A quote as a regular expression with a group for each place."""
    pattern = ""
    for part in re.split(r"(\{\}|\.\.\.|\s+)", text):
        pattern += {"{}": PLACE, "...": r"[^\d\n]*?"}.get(part) or (r"\s+" if part.isspace() else re.escape(part))
    return re.compile(pattern)


class Page:
    def __init__(self, root, name, records):
        self.name, self.records, self.text = name, records, (root / name).read_text()
        self.wrong, self.covered, self.changes = [], [], []

    def complain(self, position, message):
        self.wrong.append(f"{self.name}:{self.text.count(chr(10), 0, position) + 1}: {message}")

    def check(self, claim):
        quote, otherwise, sources = " ".join(claim["text"].split()), claim.get("from", ""), claim.get("values", [])
        found = list(pattern_of(quote).finditer(self.text))
        shown = f'"{quote}"' if len(quote) < 100 else f'"{quote[:100]}..."'
        if len(found) != 1:
            self.wrong.append(f"{self.name}: {shown}: " +
                              (f"{len(found)} times on the page: quote more of it" if found else "not on the page"))
            self.covered += [match.span() for match in found]
            return
        match = found[0]
        self.covered.append(match.span())
        if quote.count("{}") != len(sources):
            return self.complain(match.start(), f"{shown}: {len(sources)} values for {quote.count('{}')} places")
        for place, source in enumerate(sources, 1):
            try:
                self.compare(match, place, shown, source, self.records.value(source, otherwise))
            except Wrong as wrong:
                self.complain(match.start(place), f"{shown}: {wrong} ({source})")
        for source in claim.get("holds", []):
            try:
                self.hold(match, shown, source, otherwise)
            except Wrong as wrong:
                self.complain(match.start(), f"{shown}: {wrong} ({source})")

    def compare(self, match, place, shown, source, expected):
        found = " ".join(match[place].split())
        if found != expected:
            self.complain(match.start(place), f"{shown}: expected {expected}, found {found} ({source})")
            self.changes.append((*match.span(place), expected))

    def hold(self, match, shown, source, otherwise):
        where, condition = (" " + source).rsplit(" : ", 1)
        if not all(evaluate(condition, row) for row in self.records.rows(where, otherwise)):
            self.complain(match.start(), f"{shown}: not so by the record ({source})")

    def check_coverage(self, plain):
        """Digits that nobody vouches for. Fenced and inline code, targets of links and comments are not the page's words."""
        words = bytearray(b"1" * len(self.text))
        not_words = r"^```.*?^```", r"`[^`\n]+`", r"\]\([^)]*\)", r"<!--.*?-->"
        spans = [m.span() for p in not_words for m in re.finditer(p, self.text, re.S | re.M)]
        spans += [m.span() for p in plain for m in re.finditer(p, self.text)]
        for begin, end in spans + self.covered:
            words[begin:end] = bytes(end - begin)
        for match in re.finditer(NUMBER, self.text):
            if any(words[i] and self.text[i].isdigit() for i in range(*match.span())):
                line = self.text[self.text.rfind("\n", 0, match.start()) + 1:].split("\n", 1)[0]
                self.complain(match.start(), f"no claim has the number {match[0]} in \"{line.strip()}\"")

    def updated(self):
        text = self.text
        for begin, end, value in sorted(self.changes, reverse=True):
            text = text[:begin] + value + text[end:]
        return text


def check(root, reports, folder):
    """The pages that the files of claims in a folder name, checked."""
    records, pages = Records(reports), []
    plain = tomllib.loads((folder / "plain.toml").read_text())["plain"]
    for path in sorted(folder.glob("*.toml")):
        claims = tomllib.loads(path.read_text())
        if "page" not in claims:
            continue
        page = Page(root, claims["page"], records)
        for claim in claims["claim"]:
            for one in each_of(claim):
                page.check(one)
        page.check_coverage(plain)
        pages.append(page)
    return pages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write what the records say into the pages")
    parser.add_argument("--reports", type=Path, default=ROOT / "reports", help="the recorded reports")
    arguments = parser.parse_args()
    pages = check(ROOT, arguments.reports, Path(__file__).parent)
    if arguments.update:
        for page in pages:
            (ROOT / page.name).write_text(page.updated())
        print(f"{sum(len(page.changes) for page in pages)} numbers renewed: read their sentences again (git diff)")
        pages = check(ROOT, arguments.reports, Path(__file__).parent)
    for wrong in (line for page in pages for line in page.wrong):
        print(wrong)
    sys.exit(any(page.wrong for page in pages))


if __name__ == "__main__":
    main()
