"""Statistics of models that keep learning: drift, sequential tests, paired differences, estimates, leak probes, figures.

Pure functions and frozen dataclasses that know no model, domain or table.
"""
