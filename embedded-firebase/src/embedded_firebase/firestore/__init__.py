"""The embedded Firestore; a package of it imports only from those before it.

errors, messages < values < query < indexes < storage < transactions < testing < listen < rules < access < rpc < http <
server. `tests/test_tidy.py` holds it.
"""
