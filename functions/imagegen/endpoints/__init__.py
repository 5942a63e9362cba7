"""What each HTTPS function declares, one module for each subject."""
