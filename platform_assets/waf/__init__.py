"""From scores to WAF rules. rules.py: predictions -> decisions -> wanted entries; plan.py: wanted, live and last applied
-> a plan; checks.py: whether it may be applied; apply.py: a plan -> AWS or the local twin; install.py: IP sets and the
rule group that uses them. Values, policy and limits are in files of their own; nothing is imported here.
"""
