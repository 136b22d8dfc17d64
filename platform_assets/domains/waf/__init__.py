"""From client scores to WAF rules.

decide/: scores -> decisions. plan/: decisions, live IP sets and what was applied last -> a plan. checks/: whether the plan
may be applied. apply/: the plan -> AWS or the local twin (twin/). manual/: what people order. planning.py joins them.
"""
