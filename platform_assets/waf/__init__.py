"""From scores to WAF rules. rules.py: predictions -> decisions -> wanted entries; plan.py: wanted, live and last applied
-> the plan of a scope; plans.py: those of all scopes; checks.py: whether they may be applied; apply.py: a plan -> AWS or
the local twin; install.py: IP sets and the rule group that uses them; web_acls.py: which web ACLs use that. Values, policy
and limits are in files of their own; nothing is imported here.
"""
