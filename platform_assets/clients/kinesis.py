"""A client of Kinesis whose answers with records cost little.

botocore looks at each field of each record by its model, which costs as much as parsing what the records hold.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import Any

from platform_assets.clients.aws import aws_client


def kinesis_client(region: str) -> Any:
    """A client as `aws_client` makes it; times in answers of GetRecords are seconds since 1970."""
    from botocore.parsers import JSONParser, ResponseParserFactory

    class RecordsParser(JSONParser):
        def parse(self, response: dict[str, Any], shape: Any) -> dict[str, Any]:
            if shape is None or shape.name != "GetRecordsOutput" or response["status_code"] != 200:
                parsed: dict[str, Any] = super().parse(response, shape)
                return parsed
            answer: dict[str, Any] = json.loads(response["body"])
            for record in answer["Records"]:
                record["Data"] = a2b_base64(record["Data"])
            return answer | {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": dict(response["headers"])}}

    class Parsers(ResponseParserFactory):
        def create_parser(self, protocol_name: str) -> Any:
            return RecordsParser() if protocol_name == "json" else super().create_parser(protocol_name)

    return aws_client("kinesis", region, seconds=10, attempts=4, parsers=Parsers())
