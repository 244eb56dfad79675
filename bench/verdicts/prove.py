#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often dydit compare cries wolf, and what it finds: on process runs of a pool and on synthetic ones, beside the rules of
other projects' tools.

    bench/verdicts/prove.py               # build/verdicts/pool.jsonl, collected first where it is short -> reports/verdicts

The even runs of the pool are compared, the odd ones say how much each benchmark spreads. A comparison draws its process runs
from the pool by chance, none twice; a slowdown multiplies the candidate's times. Of the 30 benchmarks of a suite three are slower.
"""
import argparse
import bisect
import csv
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "build/verdicts"
SLOWED = 3  # benchmarks of a suite
EFFECTS = [0.01, 0.02, 0.03, 0.05, 0.10]
RUNS = [10, 20, 30]
PEERS = {"google": 0, "nvbench": 0, "nvbench-robust": 0.005, "asv": 0.1, "asv-1.01": 0.01}  # smallest change each calls one


# Sources of process runs ------------------------------------------------------------------------------------------

class Pool:
    """Medians of the repetitions of each process run."""
    name = "pool"
    most = property(lambda self: len(self.runs))  # that can be drawn at once

    def __init__(self, path):
        runs = [json.loads(line)["times"] for line in path.read_text().splitlines()]
        medians = [{name: statistics.median(times) for name, times in run.items()} for run in runs]
        self.recorded, self.runs, apart = len(medians), medians[0::2], medians[1::2]
        self.benchmarks = sorted(self.runs[0])
        self.spread = {name: statistics.stdev(math.log(run[name]) for run in apart) for name in self.benchmarks}

    def draw(self, generator, count):
        chosen = generator.sample(range(len(self.runs)), count)
        return {name: [self.runs[i][name] for i in chosen] for name in self.benchmarks}

    def stretch(self, first, count):
        """Process runs that followed each other."""
        return {name: [run[name] for run in self.runs[first:first + count]] for name in self.benchmarks}


class Synthetic:
    """Noise of known standard deviation: normal, skew (lognormal) and with heavy tails (Student's t, 3 degrees)."""
    name, most = "synthetic", math.inf
    KINDS = {"normal": lambda g: g.gauss(0, 1),
             "skew": lambda g: (g.lognormvariate(0, 0.6) - math.exp(0.18)) / math.sqrt((math.exp(0.36) - 1) * math.exp(0.36)),
             "heavy": lambda g: g.gauss(0, 1) / math.sqrt(g.gammavariate(1.5, 2 / 3)) / math.sqrt(3)}

    def __init__(self):
        self.spread = {f"{kind} {100 * spread:.1f} % {copy}": spread for kind in self.KINDS
                       for spread in (0.004, 0.008, 0.012, 0.016, 0.02) for copy in "ab"}
        self.benchmarks = list(self.spread)

    def draw(self, generator, count):
        return {name: [1000 * math.exp(spread * self.KINDS[name.split()[0]](generator)) for _ in range(count)]
                for name, spread in self.spread.items()}


def halves(drawn, n):
    return {"base": {name: times[:n] for name, times in drawn.items()},
            "candidate": {name: times[n:] for name, times in drawn.items()}}


def slowed(suite, names, effect):
    for name in names:
        suite["candidate"][name] = [(1 + effect) * time for time in suite["candidate"][name]]
    return suite


# Judges -----------------------------------------------------------------------------------------------------------

def written(label, suites):
    path = WORK / f"{label}.suites.jsonl"
    with path.open("w") as file:
        for suite in suites:
            file.write(json.dumps({side: {name: [float(f"{time:.7g}") for time in times] for name, times in suite[side].items()}
                                   for side in ("base", "candidate")}, separators=(",", ":")) + "\n")
    return path


def ours(label, suites, *options):
    """For each suite a dict: benchmark to (verdict, p, logarithm of the ratio, runs needed, runs used)."""
    path = written(label, suites)
    out = path.with_suffix(".verdicts")
    subprocess.run([ROOT / "build/release/bench/dydit_judge", path, out, *options], check=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


def theirs(peer, label):
    out = WORK / f"{label}.{peer}"
    subprocess.run([sys.executable, HERE / "peers.py", peer, WORK / f"{label}.suites.jsonl", out], check=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


ALARM = ("slower", "faster")


def share(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def upper(hits, count):
    """Upper end of the 95 % interval of a share (Wilson)."""
    z, p = 1.96, hits / count
    return (p + z * z / (2 * count) + z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))) / (1 + z * z / count)


# The proof --------------------------------------------------------------------------------------------------------

class Proof:
    def __init__(self, sources, suites, seed):
        self.sources, self.suites, self.generator = sources, suites, random.Random(seed)

    PARTS = ["detection", "peers", "alarms", "strict", "asked", "quiet", "jaccard", "spreads"]  # those that take longest first

    def pairs(self, source, n, count, effect=0.0):
        """Suites with the names that were slowed."""
        made = []
        for _ in range(count):
            names = self.generator.sample(source.benchmarks, SLOWED) if effect else []
            made.append((slowed(halves(source.draw(self.generator, 2 * n), n), names, effect), names))
        return made

    def alarms(self):
        rows = []
        for source in self.sources:
            for n in RUNS:
                suites = [suite for suite, _ in self.pairs(source, n, 2 * self.suites)]
                rows.append(self.alarm_row(source.name, "drawn", n, ours(f"alarms-{source.name}-{n}", suites)))
            suites = [suite for suite, _ in self.pairs(source, 40, 2 * self.suites)]
            rows.append(self.alarm_row(source.name, "collect", 40, ours(f"collect-{source.name}", suites, "--sequential")))
        pool = self.sources[0]
        starts = range(0, len(pool.runs) - 20, 20)
        one_after_other = [halves(pool.stretch(start, 20), 10) for start in starts]
        in_turns = [{side: {name: times[i::2] for name, times in pool.stretch(start, 20).items()}
                     for i, side in enumerate(("base", "candidate"))} for start in starts]
        rows.append(self.alarm_row("pool", "one after the other", 10, ours("after", one_after_other)))
        rows.append(self.alarm_row("pool", "in turns", 10, ours("turns", in_turns)))
        return rows

    @staticmethod
    def alarm_row(source, how, n, verdicts):
        comparisons = [one[0] in ALARM for suite in verdicts for one in suite.values()]
        suites = [any(one[0] in ALARM for one in suite.values()) for suite in verdicts]
        return {"source": source, "how": how, "runs": n, "suites": len(suites), "per_comparison": share(comparisons),
                "per_suite": share(suites), "per_suite_high": upper(sum(suites), len(suites)),
                "same": share(one[0] == "same" for suite in verdicts for one in suite.values()),
                "runs_used": statistics.fmean(one[4] for suite in verdicts for one in suite.values())}

    def detection(self):
        rows = []
        for source in self.sources:
            for n in RUNS + [40]:
                for effect in EFFECTS:
                    pairs = self.pairs(source, n, self.suites // 2, effect)
                    options = ["--sequential"] if n == 40 else []
                    verdicts = ours(f"found-{source.name}-{n}-{100 * effect:.0f}", [suite for suite, _ in pairs], *options)
                    found = [(source.spread[name], suite[name]) for suite, (_, names) in zip(verdicts, pairs) for name in names]
                    for at_most in (0.008, 0.02, math.inf):
                        some = [one for spread, one in found if spread <= at_most]
                        if some:
                            rows.append({"source": source.name, "how": "collect" if n == 40 else "drawn", "runs": n,
                                         "effect": effect, "spread_at_most": at_most, "cases": len(some),
                                         "found": share(one[0] == "slower" for one in some),
                                         "wrong": share(one[0] in ("faster", "same") for one in some),
                                         "runs_used": statistics.fmean(one[4] for one in some)})
        return rows

    def quiet(self):
        """Of benchmarks that spread by at most 2 %, each slowed in a suite of its own: more cases than chance slows of them."""
        rows = []
        for source in self.sources:
            names = [name for name, spread in source.spread.items() if spread <= 0.02]
            for n, effect in ((10, 0.05), (30, 0.03)):
                pairs = []
                for i in range(self.suites):
                    slow = [names[i % len(names)]]
                    pairs.append((slowed(halves(source.draw(self.generator, 2 * n), n), slow, effect), slow))
                verdicts = ours(f"quiet-{source.name}-{n}", [suite for suite, _ in pairs])
                rows.append({"source": source.name, "runs": n, "effect": effect, "cases": len(pairs),
                             "found": share(suite[name][0] == "slower" for suite, (_, [name]) in zip(verdicts, pairs))})
        return rows

    def asked(self):
        """What becomes of 'cannot tell' with as many runs as were asked for."""
        rows = []
        for source in self.sources:
            again, names, told, could_not = [], [], 0, 0
            for effect in (0.0, 0.02, 0.03, 0.05):
                pairs = self.pairs(source, 10, self.suites // 4, effect)
                for suite, (_, slow) in zip(ours(f"asked-{source.name}", [suite for suite, _ in pairs]), pairs):
                    doubtful = {name: one[3] for name, one in suite.items() if one[0] == "cannot-tell"}
                    told += len(suite) - len(doubtful)
                    could_not += len(doubtful)
                    possible = [name for name, runs in doubtful.items() if 0 < 2 * runs <= source.most]
                    if not possible:
                        continue
                    name = self.generator.choice(possible)
                    drawn = halves(source.draw(self.generator, 2 * doubtful[name]), doubtful[name])
                    again.append(slowed(drawn, slow, effect))
                    names.append(name)
            verdicts = ours(f"again-{source.name}", again)
            rows.append({"source": source.name, "doubtful": could_not / (told + could_not), "asked": len(again),
                         "runs": statistics.median(len(next(iter(suite["base"].values()))) for suite in again),
                         "told": share(suite[name][0] != "cannot-tell" for suite, name in zip(verdicts, names))})
        return rows

    def jaccard(self):
        """Alert sets of commits that follow each other, each compared with the one before; nothing changed in any."""
        rows = []
        for source in self.sources:
            commits = [source.draw(self.generator, 10) for _ in range(self.suites)]
            chain = [{"base": a, "candidate": b} for a, b in zip(commits, commits[1:])]
            judged = {"dydit": [{name: one[0] for name, one in suite.items()} for suite in ours(f"chain-{source.name}", chain)]}
            judged |= {peer: theirs(peer, f"chain-{source.name}") for peer in PEERS}
            for judge, verdicts in judged.items():
                sets = [{name for name, one in suite.items() if one in ALARM} for suite in verdicts]
                unions = [(a & b, a | b) for a, b in zip(sets, sets[1:]) if a | b]
                rows.append({"source": source.name, "judge": judge, "alerts": statistics.fmean(map(len, sets)),
                             "pairs_with_alerts": len(unions), "pairs": len(sets) - 1,
                             "jaccard": share(len(both) / len(any_) for both, any_ in unions)})
        return rows

    def peers(self):
        """Detection at each peer's own rate of false alarms, with the smallest change that it calls one."""
        rows = []
        for source in self.sources:
            for n in (10, 30):
                label = f"peers-{source.name}-{n}"
                quiet = ours(f"{label}-0", [suite for suite, _ in self.pairs(source, n, self.suites)])
                rates = {peer: share(one in ALARM for suite in theirs(peer, f"{label}-0") for one in suite.values()) for peer in PEERS}
                for effect in EFFECTS:
                    pairs = self.pairs(source, n, self.suites // 2, effect)
                    mine = ours(f"{label}-{100 * effect:.0f}", [suite for suite, _ in pairs])
                    for peer, least in PEERS.items():
                        found = theirs(peer, f"{label}-{100 * effect:.0f}")
                        cases = [(suite[name], other[name]) for suite, other, (_, names) in zip(mine, found, pairs)
                                 for name in names]
                        rows.append({"source": source.name, "runs": n, "peer": peer, "effect": effect, "cases": len(cases),
                                     "false_alarms": rates[peer], "least": least,
                                     "found": share(other == "slower" for _, other in cases),
                                     "ours": found_at(rates[peer], least, quiet, [one for one, _ in cases])})
        return rows

    def strict(self):
        """The peer that has no alarm among peers()' comparisons of ten runs of synthetic noise, in so many that it has some, and
        ours at its rate."""
        peer, [source] = "nvbench-robust", [one for one in self.sources if one.name == "synthetic"]
        quiet = ours("strict-0", [suite for suite, _ in self.pairs(source, 10, 8 * self.suites)])
        alarms = [one in ALARM for suite in theirs(peer, "strict-0") for one in suite.values()]
        rows = []
        for effect in EFFECTS:
            label = f"strict-{100 * effect:.0f}"
            pairs = self.pairs(source, 10, self.suites, effect)
            mine = ours(label, [suite for suite, _ in pairs])
            cases = [(suite[name], other[name]) for suite, other, (_, names) in zip(mine, theirs(peer, label), pairs)
                     for name in names]
            rows.append({"peer": peer, "effect": effect, "cases": len(cases), "comparisons": len(alarms),
                         "alarms": sum(alarms), "found": share(other == "slower" for _, other in cases),
                         "ours": found_at(share(alarms), PEERS[peer], quiet, [one for one, _ in cases])})
        return rows

    def spreads(self):
        return [{"source": source.name, "benchmark": name, "spread": spread} for source in self.sources
                for name, spread in source.spread.items()]


def found_at(rate, least, quiet, slowed_ones):
    """The share of slowed ones that we find at that rate of false alarms. Levels are steps: between two of them as a straight
    line, which is what a level chosen by chance between them would find."""
    def value(one):
        return one[1] if abs(one[2]) > math.log1p(least) else math.inf

    false = sorted(value(one) for suite in quiet for one in suite.values())
    found = [value(one) if one[2] > 0 else math.inf for one in slowed_ones]
    before = (0.0, 0.0)
    for level in sorted({one for one in false + found if one < math.inf}):
        now = (bisect.bisect_right(false, level) / len(false), share(one <= level for one in found))
        if now[0] > rate:
            return before[1] + (now[1] - before[1]) * (rate - before[0]) / (now[0] - before[0])
        before = now
    return before[1]


def save(folder, name, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})


def describe(arguments, pool):
    def said(*command):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    cpu = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line)
    made = {"revision": said("git", "rev-parse", "HEAD"),
            "tree": "modified" if said("git", "status", "--porcelain", "--", ":!reports/verdicts") else "clean",
            "cpu": cpu, "cores": os.cpu_count(), "pool_runs": pool.recorded, "suites": arguments.suites,
            "command": "bench/verdicts/prove.py " + " ".join(sys.argv[1:])}
    return json.dumps(made, indent=2) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, default=WORK / "pool.jsonl")
    parser.add_argument("--runs", type=int, default=4000, help="of the pool")
    parser.add_argument("--suites", type=int, default=600, help="of each question")
    parser.add_argument("--out", type=Path, default=ROOT / "reports/verdicts")
    parser.add_argument("--only", nargs="*", choices=Proof.PARTS)
    arguments = parser.parse_args()
    if not arguments.only or "peers" in arguments.only or "jaccard" in arguments.only:
        subprocess.run([sys.executable, HERE / "peers.py", "install"], check=True)
    subprocess.run([sys.executable, HERE / "collect.py", ROOT / "build/release/bench/dydit_pool", arguments.pool,
                    "--runs", str(arguments.runs)], check=True)
    sources = [Pool(arguments.pool), Synthetic()]
    description = describe(arguments, sources[0])  # of the tree as it is now: this takes half an hour

    def prove(part):  # what takes its time is done by other processes
        rows = getattr(Proof(sources, arguments.suites, seed=part), part)()
        save(arguments.out / "figures", part, rows)
        print(f"{part}: {len(rows)} rows", file=sys.stderr)

    with ThreadPoolExecutor(os.cpu_count()) as cores:
        list(cores.map(prove, [part for part in Proof.PARTS if not arguments.only or part in arguments.only]))
    if not arguments.only:
        (arguments.out / "proof.json").write_text(description)
    for script in HERE.glob("*.gp"):
        if (arguments.out / "figures" / f"{script.stem}.csv").exists():
            shutil.copy(script, arguments.out / "figures")
            subprocess.run(["gnuplot", script.name], cwd=arguments.out / "figures", check=True)


if __name__ == "__main__":
    main()
