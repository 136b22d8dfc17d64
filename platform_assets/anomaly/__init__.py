"""Anomalies of clusters: their scores, and the alerts that people are told of. What an anomaly is stands in weir_models.anomaly_detection."""
