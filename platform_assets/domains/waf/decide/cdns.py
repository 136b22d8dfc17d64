"""Published address ranges of content delivery networks: whoever comes from there is a proxy, not a client.

Sources, as of 2026-11: cloudflare.com/ips, api.fastly.com/public-ip-list, and the service CLOUDFRONT of AWS's ip-ranges.json.
Standard library only.
"""

from __future__ import annotations

from functools import lru_cache

from platform_assets.domains.waf.networks import Network, Ranges

_RANGES = {
    "Cloudflare": """
        173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18 190.93.240.0/20
        188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14 172.64.0.0/13
        131.0.72.0/22 2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29
        2c0f:f248::/32
    """,
    "Fastly": """
        23.235.32.0/20 43.249.72.0/22 103.244.50.0/24 103.245.222.0/23 103.245.224.0/24 104.156.80.0/20 140.248.64.0/18
        140.248.128.0/17 146.75.0.0/17 151.101.0.0/16 157.52.64.0/18 167.82.0.0/17 167.82.128.0/20 167.82.160.0/20
        167.82.224.0/20 172.111.64.0/18 185.31.16.0/22 199.27.72.0/21 199.232.0.0/16 2a04:4e40::/32 2a04:4e42::/32
    """,
    "CloudFront": """
        3.160.0.0/14 3.164.0.0/18 13.32.0.0/15 13.224.0.0/14 13.249.0.0/16 18.64.0.0/14 18.154.0.0/15 18.160.0.0/15
        18.164.0.0/15 18.172.0.0/15 18.238.0.0/15 18.244.0.0/15 52.84.0.0/15 52.222.128.0/17 54.182.0.0/16 54.192.0.0/16
        54.230.0.0/17 54.239.128.0/18 54.239.192.0/19 64.252.64.0/18 64.252.128.0/18 65.8.0.0/16 65.9.0.0/17 70.132.0.0/18
        71.152.0.0/17 99.84.0.0/16 99.86.0.0/16 108.138.0.0/15 108.156.0.0/14 130.176.0.0/17 143.204.0.0/16 144.220.0.0/16
        204.246.164.0/22 204.246.168.0/22 204.246.174.0/23 204.246.176.0/20 205.251.200.0/21 205.251.208.0/20
        205.251.249.0/24 205.251.250.0/23 205.251.252.0/23 205.251.254.0/24 216.137.32.0/19 2600:9000:1000::/36
        2600:9000:2000::/36 2600:9000:3000::/36 2600:9000:f000::/36
    """,
}


def cdn_of(network: Network) -> str:
    """The content delivery network that an address or network belongs to; empty where it belongs to none."""
    return next((name for name, ranges in _ranges().items() if ranges.covers(network)), "")


@lru_cache(maxsize=1)
def _ranges() -> dict[str, Ranges]:
    return {name: Ranges.of(text.split()) for name, text in _RANGES.items()}
