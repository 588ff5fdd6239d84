"""HTML and charts of divergences and comparisons."""
