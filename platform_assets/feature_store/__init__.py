"""The feature store: declared groups, a history in the lake, the current rows online, and point-in-time joins.

Sources and domains compute the features.
"""
