"""Shared by all packages: errors, wire types, log, ids. Must not know a feature, a Google client or HTTP."""
