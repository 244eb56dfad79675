#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That claims.py finds what is wrong: a digit changed in the page or in the record, a number without a claim."""
import json
import tempfile
import unittest
from pathlib import Path

import claims

PAGE = """# Ten models
S/2 loses .0246 ± .0010 more at t = 20, and
its peak of .0500 is at t = 10 (`--lambda 0.5`, [runs](a/7.md)).
One image in 250 is broken, of 4 halves. Compact takes 10.0 ms, 1.50 of the dense model's, masked 30.0 † ms.
"""
CLAIMS = """
page = "page.md"
[[claim]]
text = "S/2 loses {} more at t = $t, ... its peak of {} is at t = {} ("
each.t = [20]
from = "small/loss-gap.csv"
values = ["timestep=$t : mse_gap : .4f ±", "model=S/2 : max mse_gap : .4f", "model=S/* : timestep at max mse_gap : .0f"]
holds = ["timestep<=20 : mse_gap_low > 0.02"]
[[claim]]
text = "One image in {} is broken, of {} halves."
values = ["small/loss-gap.csv : sum images : .0f", "small/loss-gap.csv : count images > 0; 2 * it : .0f"]
[[claim]]
text = "takes {} ms, {} of the dense model's, masked {} ms."
from = "small/speed"
values = ["engine=compact : time : .1f", "engine=compact : speedup : .2f", "engine=masked : time : .1f"]
"""
GAP = """timestep,images,mse_gap,mse_gap_low,mse_gap_high,model
10,100,0.05,0.049,0.051,S/2
20,150,0.0246,0.0236,0.0256,S/2
"""


def speed(engine, time, low, high):
    def metric(value, ends):
        return {"value": value, "unit": "", "ci95": ends}
    return {"study": "speed", "status": "ok", "axes": {"engine": engine, "batch": 4},
            "metrics": {"time": metric(time, [low, high]), "speedup": metric(15 / time, [15 / high, 15 / low])}}


SPEED = [speed("dense", 15, 14.9, 15.1), speed("compact", 10, 9.9, 10.1), speed("masked", 30, 28, 32)]


class Claims(unittest.TestCase):
    def wrong(self, page=PAGE, gap=GAP, speeds=SPEED, text=CLAIMS, update=False):
        """What is wrong; with `update` the page as it is renewed."""
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "small/figures").mkdir(parents=True)
            (root / "small/figures/loss-gap.csv").write_text(gap)
            (root / "small/results.jsonl").write_text("\n".join(map(json.dumps, speeds)))
            (root / "page.md").write_text(page)
            (root / "page.toml").write_text(text)
            (root / "plain.toml").write_text("plain = ['S/2', 't = 20']")
            checked = claims.check(root, root, root)[0]
            return checked.updated() if update else checked.wrong

    def assert_wrong(self, *parts, **changed):
        found = self.wrong(**changed)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_what_is_right_passes(self):
        self.assertEqual(self.wrong(), [])

    def test_a_digit_changed_in_the_page(self):
        self.assert_wrong("page.md:2: ", "S/2 loses {} more", "expected .0246 ± .0010, found .0247 ± .0010",
                          page=PAGE.replace(".0246", ".0247"))
        self.assert_wrong("page.md:3: ", "expected 10, found 20", page=PAGE.replace("t = 10", "t = 20"))

    def test_a_digit_changed_in_the_record(self):
        self.assert_wrong("page.md:4: ", "expected 251, found 250", gap=GAP.replace("150", "151"))

    def test_a_number_without_claim(self):
        self.assert_wrong("page.md:5: no claim has the number 2.1", page=PAGE + "Twice as fast: 2.1 times.")

    def test_a_text_that_is_gone_or_there_twice(self):
        self.assert_wrong("not on the page", page=PAGE.replace("One image in 250 is broken, of 4 halves. ", ""))
        self.assert_wrong("2 times on the page", page=PAGE + "One image in 250 is broken, of 4 halves.")

    def test_a_sentence_that_the_record_contradicts(self):
        self.assert_wrong("not so by the record (timestep<=20 : mse_gap_low > 0.03)",
                          text=CLAIMS.replace("> 0.02", "> 0.03"))

    def test_a_disturbed_time_without_its_mark(self):
        self.assert_wrong("expected 30.0 †, found 30.0 (", page=PAGE.replace(" †", ""))
        disturbed = [speed("dense", 15, 14, 16), *SPEED[1:]]  # the dense one touches the speedup, not the other time
        self.assert_wrong("expected 1.50 †, found 1.50 (", speeds=disturbed)

    def test_a_choice_of_rows_that_leaves_none_or_many(self):
        self.assert_wrong("no row of small/speed has engine=fused", text=CLAIMS.replace("compact : time", "fused : time"))
        self.assert_wrong("'modle=S/2' is no condition on a column", text=CLAIMS.replace("model=S/2", "modle=S/2"))
        self.assert_wrong("a value is", text=CLAIMS.replace(" : sum images : .0f", " : sum images"))
        self.assert_wrong("2 rows are left", text=CLAIMS.replace("model=S/2 : max", ":"))

    def test_new_records_renew_the_page(self):
        gap = GAP.replace("10,100,0.05,", "10,100,0.07,").replace("20,150,0.0246,0.0236,0.0256", "20,151,0.03,0.028,0.032")
        page = self.wrong(gap=gap, update=True)
        self.assertIn("loses .0300 ± .0020 more at t = 20, and\nits peak of .0700 is at", page)
        self.assertEqual(self.wrong(page=page, gap=gap), [])


if __name__ == "__main__":
    unittest.main()
