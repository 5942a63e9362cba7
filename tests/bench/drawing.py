"""Owns measuring the cost of a drawn picture: processor time and bytes, by style and size.

Run with `PYTHONPATH=.:functions functions/venv/bin/python -m tests.bench.drawing`. Must know only the drawing.
"""

from __future__ import annotations

import statistics
import time

from imagegen.providers.simulated.drawing import draw

STYLES = ("realistic", "anime", "oil-painting", "sketch", "cyberpunk", "watercolor")
COLORS = ("vibrant", "monochrome", "pastel", "neon", "vintage")
SIZES = ((512, 512), (1024, 1024), (1024, 1792))
PICTURES = 20


def main() -> None:
    """Print a line for each style: medians and maxima over some prompts, colors and models."""
    draw(model="model-a", style="oil-painting", color="vibrant", width=64, height=64, prompt="warm")
    for style in STYLES:
        print(f"{style:<13}" + "   ".join(_measured(style, *size) for size in SIZES), flush=True)


def _measured(style: str, width: int, height: int) -> str:
    millis, kilobytes = [], []
    for number in range(PICTURES):
        started = time.thread_time()
        png = draw(
            model=("model-a", "model-b")[number % 2],
            style=style,
            color=COLORS[number % len(COLORS)],
            width=width,
            height=height,
            prompt=f"prompt {number}",
        )
        millis.append((time.thread_time() - started) * 1e3)
        kilobytes.append(len(png) / 1e3)
    return (
        f"{width}x{height}: p50 {statistics.median(millis):4.0f} ms, worst {max(millis):4.0f} ms, "
        f"p50 {statistics.median(kilobytes):5.0f} kB, largest {max(kilobytes):5.0f} kB"
    )


if __name__ == "__main__":
    main()
