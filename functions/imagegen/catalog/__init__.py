"""The catalog: models, styles, colors, sizes and prices."""
