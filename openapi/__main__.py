"""`python -m openapi`."""

import sys
from pathlib import Path

# The product, as its functions find it in the layer.
sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "jobyard"))

from openapi.command import main

sys.exit(main())
