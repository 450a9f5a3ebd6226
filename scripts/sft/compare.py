"""Compares two files of `lunette eval --out`, with and without an adapter, question by question.

    python scripts/sft/compare.py before.json after.json

For each length and preset: percent of the right answers of which every token was the likeliest, before and after, the difference
with its 95% interval (bootstrap over documents), and nats per token of the right answers.
"""

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

DRAWS = 2000


def rows(path):
    answers = json.loads(Path(path).read_text())["results"]
    return {(row.get("length", ""), row["preset"], row["id"]): row for row in answers if row.get("said") is not None}


def mean(values):
    return sum(values) / len(values)


def interval(by_document, rng):
    """Of the mean difference, as if other documents had been drawn."""
    documents = list(by_document.values())
    drawn = lambda: [value for _ in documents for value in rng.choice(documents)]
    means = sorted(mean(drawn()) for _ in range(DRAWS))
    return means[DRAWS * 25 // 1000], means[DRAWS * 975 // 1000]


def compared(before, after, keys):
    by_document = defaultdict(list)
    for key in keys:
        by_document[before[key]["document"]].append(100 * (after[key]["said"] - before[key]["said"]))
    of = lambda which, name, times: times * mean([which[key][name] for key in keys])
    low, high = interval(by_document, random.Random(1))
    difference = mean([value for values in by_document.values() for value in values])
    scores = f"{of(before, 'said', 100):.1f} | {of(after, 'said', 100):.1f} | {difference:+.1f} [{low:+.1f}..{high:+.1f}]"
    return f"{len(keys)} | {scores} | {of(before, 'nats', 1):.3f} | {of(after, 'nats', 1):.3f}"


def main():
    before, after = rows(sys.argv[1]), rows(sys.argv[2])
    groups = defaultdict(list)
    for key in before.keys() & after.keys():
        groups[key[:2]].append(key)
        groups[(key[0], f"{key[1]}, {before[key]['task']}")].append(key)
    if not groups:
        raise SystemExit("error: no question was weighed in both files")
    print("| length | preset | n | before | after | difference | nats before | nats after |")
    print("|---|---|---|---|---|---|---|---|")
    for (length, preset), keys in sorted(groups.items(), key=lambda group: ("," in group[0][1], group[0])):
        print(f"| {length} | {preset} | {compared(before, after, sorted(keys))} |")


if __name__ == "__main__":
    main()
