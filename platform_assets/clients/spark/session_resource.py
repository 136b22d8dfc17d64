"""dagster-pyspark's lazy resource around the session of the engine: the one place where Dagster's side gets a session.

Importing it imports pyspark, so it is imported where a job runs, never with the asset graph.
"""

from typing import Any

from dagster_pyspark import LazyPySparkResource
from pydantic import Field

from spark_jobs.runtime import session


class EngineSession(LazyPySparkResource):
    """The session of an engine, made at its first use; `engine` as in WEIR_ENGINE."""

    engine: str
    spark_config: dict[str, Any] = Field(default_factory=dict)

    def _init_session(self) -> None:
        if self._spark_session is None:
            self._spark_session = session.spark_session(self.engine)
