"""The web page at `/`: one page, and the style and modules that it loads from here and from nowhere else."""
