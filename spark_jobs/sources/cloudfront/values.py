"""Values of log fields: addresses, percent-encoding, keyed hashes; on texts, and on Arrow columns once per distinct text."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

ENCODED_BYTES = re.compile(rb"(?:%[0-9a-fA-F]{2})+")
ENCODED_AGAIN = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}
"""Bytes that are no UTF-8, as `surrogateescape` reads them."""


@lru_cache(maxsize=200_000)
def canonical_address(text: str) -> str | None:
    """The IP address in canonical text, None where it is none. IPv4 is canonical as it stands, or it is none.

    IPv4 that is written as IPv6 (`::ffff:1.2.3.4`) is IPv4, as in allow lists.
    """
    try:
        address = None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return None if address is None else str(mapped or address)


def decode_once(text: str) -> str:
    """Undo the one percent-encoding that CloudFront adds at logging; bytes that are no UTF-8 stay encoded."""
    if "%" not in text:
        return text
    raw = ENCODED_BYTES.sub(_bytes_of, text.encode("utf-8", "surrogatepass"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape").translate(ENCODED_AGAIN)


def _bytes_of(run: re.Match[bytes]) -> bytes:
    return bytes.fromhex(run.group().replace(b"%", b"").decode())


def keyed_hash(key: str) -> Callable[[str], str]:
    """Text -> its BLAKE2b hash under the key, 24 hexadecimal digits."""
    secret = key.encode()[:64]
    return lambda text: hashlib.blake2b(text.encode(), key=secret, digest_size=12).hexdigest()


def hashed_query(query: str, hashed: Callable[[str], str]) -> str:
    """A query string with the value of each parameter hashed: `a=1&b` -> `a=<hash>&b`."""
    pairs = (part.partition("=") for part in query.split("&"))
    return "&".join(name + sign + (hashed(value) if value else "") for name, sign, value in pairs)


def decoded(column: pa.Array, decode: Callable[[str], str]) -> pa.Array:
    """`decode` applied to each distinct value with an escape; `%20`, the most frequent escape, is replaced in bulk first.

    A space is no hexadecimal digit, so that creates no new escape.
    """
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, decoded(column.dictionary, decode))
    return mapped(pc.replace_substring(column, "%20", " "), decode, only_with="%")


def mapped(column: pa.Array, change: Callable[[str], str], only_with: str) -> pa.Array:
    """`change` applied to each distinct value that contains `only_with`."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, mapped(column.dictionary, change, only_with))
    selected = pc.fill_null(pc.match_substring(column, only_with), False)
    if not pc.any(selected).as_py():
        return column
    texts = [change(text) for text in column.filter(selected).to_pylist()]
    return pc.replace_with_mask(column, selected, pa.array(texts, pa.string()))


def coalesced(first: pa.Array, second: pa.Array) -> pa.Array:
    """`first`, and `second` where it is null; dictionary-encoded."""
    if not first.null_count:
        return first
    return pc.coalesce(first.cast(pa.string()), second.cast(pa.string())).dictionary_encode()


def split_query(path: pa.Array, logged: pa.Array | None = None) -> dict[str, pa.Array]:
    """uri_path and uri_query of layouts whose cs-uri-stem may hold the query. `logged`: cs-uri-query, where there is one."""
    texts = [(None, None) if text is None else text.partition("?")[::2] for text in path.cast(pa.string()).to_pylist()]
    query = pa.array([text[1] or None for text in texts], pa.string())
    return {
        "uri_path": pa.array([text[0] for text in texts], pa.string()).dictionary_encode(),
        "uri_query": query if logged is None else pc.coalesce(logged, query),
    }


def constant(text: str, rows: int) -> pa.Array:
    """A dictionary-encoded column of one text."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([text]))
