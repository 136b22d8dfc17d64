"""From client scores to WAF rules.

decide/: scores -> decisions. plan/: decisions, live IP sets and the last apply -> a plan. checks/: whether the plan may be
applied. apply/: the plan -> AWS or the local twin (twin/). manual/: manual actions. planning.py combines them.
"""
