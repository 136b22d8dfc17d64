"""How domains change something outside of the lake: plan, check, apply, verify, expire, undo.

checks.py: results of checks and overrides. audit.py: rows of an audit table. state.py: locked JSON files of the home.
errors.py: errors of planning and applying. protocol.py: a plan is made once, stored, and applied by its id.
assets.py: the plan asset and the apply asset. Each domain defines what it plans, checks and changes.
"""
