"""The benchmark: `make bench` measures, and prints what it found beside the goals."""
