"""What the library costs, as ratios that anyone can measure: `python -m benchmarks NAME`.

Every figure comes from one run, in which the compared arms take turns. Nothing here is part of the
installed package, and no test depends on a time.
"""
