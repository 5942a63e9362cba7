"""Google's clients: Firestore with deadlines, task queues, identities. Knows nothing of the business."""
