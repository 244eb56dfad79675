#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every recorded line below reports/ against docs/record.schema.json, and that the schema refuses what is no record."""
import copy
import json
import unittest
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/record.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Records(unittest.TestCase):
    def test_recorded(self):
        files = sorted((ROOT / "reports").rglob("results.jsonl"))
        self.assertGreater(len(files), 10)
        for file in files:
            for number, line in enumerate(file.read_text().splitlines(), 1):
                error = next(VALIDATOR.iter_errors(json.loads(line)), None)
                self.assertIsNone(error, f"{file.relative_to(ROOT)}, line {number}: {error and error.message}")

    def test_refused(self):
        record = json.loads((ROOT / "reports/cpu-lambda/results.jsonl").read_text().splitlines()[0])
        changes = [
            lambda r: r.update(schema=2), lambda r: r.pop("cell"), lambda r: r.update(status="fine"),
            lambda r: r.update(status="failed"), lambda r: r.update(more=1), lambda r: r["axes"].update(keep={"heads": 1}),
            lambda r: r["metrics"]["time"].pop("unit"), lambda r: r["metrics"]["time"].update(value="159"),
            lambda r: r["metrics"]["time"].update(ci95=[1]), lambda r: r["metrics"]["time"].update(blocks=[1.0]),
        ]
        for change in changes:
            changed = copy.deepcopy(record)
            change(changed)
            self.assertFalse(VALIDATOR.is_valid(changed))


if __name__ == "__main__":
    unittest.main()
