"""Owns the default project and region; must not know where they are used."""

# The Firebase CLI treats a project whose id starts with `demo-` as one without resources at Google.
PROJECT = "demo-project"
# The region of a function that names none.
REGION = "us-central1"
