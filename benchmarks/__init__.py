"""What the library costs, as ratios that anyone can measure: `python -m benchmarks NAME`.

Every figure comes from one run, in which the compared arms take turns, so that it can be had again on any
machine. With `--json` it prints one object: by benchmark, then by figure, whose key says its unit
unless it is a ratio or a count. What was measured in several rounds is `{"median", "min", "max"}`;
`schedule`, which is a simulation, gives means.

Nothing here is part of the installed package, no test depends on a time, and nothing is sent to any
service but the ones that run on this machine. What can be measured from outside the library is.
"""
