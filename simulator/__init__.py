"""The world we can replay: CloudFront traffic and metrics of clusters, with a seed and a known truth. Run as `python -m
simulator` and `python -m simulator.clusters`.

Never imported by platform_assets, spark_jobs or weir_models, and imports none of them: what detects attacks and what
makes them up must not share a line. Nothing that reads logs or judges a client belongs here.
"""
