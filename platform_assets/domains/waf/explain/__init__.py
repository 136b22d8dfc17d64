"""Explanations of the edge: an address, a CIDR or a request, back to the log lines. The interface of core/explaining.py."""

from platform_assets.domains.waf.explain.lookup import TAKES, explain, recognizes
from platform_assets.domains.waf.explain.text import render, to_json

__all__ = ["TAKES", "explain", "recognizes", "render", "to_json"]
