"""One small file for each part of an answer."""
