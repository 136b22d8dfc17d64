"""Simulated CloudFront traffic and cluster metrics with known truth, the same for the same seed. Run as `python -m
simulator` and `python -m simulator.clusters`.

Never imported by platform_assets, spark_jobs or weir_models, and imports none of them: detectors and simulated attacks
must not share a line. Nothing that reads logs or judges a client belongs here.
"""
