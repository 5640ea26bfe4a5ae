"""What Jobyard costs and bears, measured. Nothing here is deployed."""

import sys
from pathlib import Path

# As the functions find the layer.
sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "jobyard"))
