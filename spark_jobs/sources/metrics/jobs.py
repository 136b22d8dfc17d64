"""The Spark jobs of this source."""
