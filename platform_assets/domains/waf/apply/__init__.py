"""How a plan reaches WAF, on AWS and on the twin."""
