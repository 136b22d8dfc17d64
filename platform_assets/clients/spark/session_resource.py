"""dagster-pyspark's lazy resource around the engine's session. It imports pyspark, so only running jobs import it."""

from typing import Any

from dagster_pyspark import LazyPySparkResource
from pydantic import Field

from spark_jobs.runtime import session


class EngineSession(LazyPySparkResource):
    """The session of an engine, created at first use; `engine` as in WEIR_ENGINE."""

    engine: str
    spark_config: dict[str, Any] = Field(default_factory=dict)

    def _init_session(self) -> None:
        if self._spark_session is None:
            self._spark_session = session.spark_session(self.engine)
