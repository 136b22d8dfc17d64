"""The checks between a plan and its application."""
