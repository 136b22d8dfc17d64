"""The feature store: groups declared once, a history in the lake, the current row online, and joins on the past.

What features mean is in groups.py; how they are computed is none of this package's business.
"""
