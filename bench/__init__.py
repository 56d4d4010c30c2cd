"""The benchmark: the same load on Bongsu and on Synapse, CPU seconds before wall seconds.

`make bench`, or `python -m bench --help`. The load speaks the Matrix client-server API from
outside; processes and the lean client come from `tests/harness`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "bench" / "out"

sys.path.insert(0, str(ROOT / "tests"))
