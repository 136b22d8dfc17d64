"""Applies a plan to WAF, on AWS or the twin."""
