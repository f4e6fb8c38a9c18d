"""The laboratory: what is measured, each by one command."""
