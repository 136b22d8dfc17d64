"""The strict local twin of wafv2."""
