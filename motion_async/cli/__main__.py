"""`python -m motion_async.cli`: the same as the command `motion-async`, and nothing else."""

import sys

from motion_async.cli import main

sys.exit(main())
