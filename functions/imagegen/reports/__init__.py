"""The weekly report and its anomalies."""
