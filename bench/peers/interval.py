# SPDX-License-Identifier: Apache-2.0
import random
import statistics


def interval(values):
    """Median and the 95 % interval of the median by resampling the blocks."""
    generator = random.Random(0)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[50], medians[-51]
