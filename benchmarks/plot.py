"""`plot.py <lines.json> <file.png>`: draws cost against size, in the environment that has matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

_STYLES = [("#1b7837", "o"), ("#7fbf7b", "s"), ("#e08214", "^"), ("#b2182b", "v")]


def draw(lines: dict[str, list[tuple[int, float]]], png: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    for (name, points), (colour, marker) in zip(lines.items(), _STYLES, strict=False):
        axes.plot([size for size, _ in points], [units for _, units in points], color=colour, marker=marker, label=name)
    axes.set(xscale="log", yscale="log", xlabel="jobs", ylabel="read units for a page of 50 and its total")
    axes.set_title("What a page of a list costs")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    # Without a date, so that the same numbers make the same file.
    figure.savefig(png, metadata={"Software": None})


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
