"""What every package may use: errors, wire types, log, ids. Knows no feature, no Google client, no HTTP."""
