"""The RPCs of `google.firestore.v1.Firestore`, over gRPC."""
