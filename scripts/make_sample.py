#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small zip with the first images of every class of a larger one.

Same input, same bytes: entries sorted by name, stored, with one fixed date.

    scripts/make_sample.py cifar10-test.zip profiles/data/cifar10-sample.zip --per-class 200
"""
import argparse
import zipfile


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", help="zip of class folders")
    parser.add_argument("output")
    parser.add_argument("--per-class", type=int, default=200, metavar="N")
    options = parser.parse_args()

    taken = {}
    with zipfile.ZipFile(options.input) as source, zipfile.ZipFile(options.output, "w") as target:
        for name in sorted(name for name in source.namelist() if not name.endswith("/")):
            folder = name.partition("/")[0]
            taken[folder] = taken.get(folder, 0) + 1
            if taken[folder] > options.per_class:
                continue
            entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = 0o644 << 16
            target.writestr(entry, source.read(name))


if __name__ == "__main__":
    main()
