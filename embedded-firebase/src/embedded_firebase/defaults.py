"""Owns what is assumed where nothing is said; must not know who assumes it."""

# Google's clients and the Firebase CLI take a project whose id begins with `demo-` for one that exists nowhere.
PROJECT = "demo-project"
# Where Firebase deploys a function that names no region.
REGION = "us-central1"
