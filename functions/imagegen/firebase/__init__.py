"""Google's clients: Firestore with deadlines, task queues, ID tokens. Must not know business rules."""
