"""Paid requests for pictures, from the charge to the picture or the refund."""
