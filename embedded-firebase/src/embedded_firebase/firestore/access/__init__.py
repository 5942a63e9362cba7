"""Who calls, and what the rules let them do."""
