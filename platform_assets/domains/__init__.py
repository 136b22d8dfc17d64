"""One folder per domain: what a user asks Weir for. Each folder holds `domain.py`; core/domain.py is the contract."""
