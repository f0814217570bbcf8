"""The live pictures of jobs: `jobs`, a row for each, and `work`, one bar for any number, with what it is made of."""
