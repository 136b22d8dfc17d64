"""The thresholds of the decisions: what each action requires, how long it lasts, and its bounds.

policy.yaml documents each value, policy.py reads it, decide/rules.py applies it. The defaults are those of policy.yaml.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from platform_assets.domains.waf.decisions import ACTIONS, STRICT, rank, require
from platform_assets.domains.waf.networks import SPECIAL_KINDS


def _require_action(name: str, value: str) -> None:
    require(value in ("none", *ACTIONS), f"{name} is {value!r}; use none, count, challenge or block")


@dataclass(frozen=True)
class Step:
    """The requirements of one action. Proof is either attack requests or decisions of earlier hours."""

    __pydantic_config__ = STRICT

    min_probability: float
    ttl_hours: int
    min_requests: int = 1
    min_evidence: int = 0
    min_attack_requests: int = 0
    min_earlier_decisions: int = 0

    def __post_init__(self) -> None:
        require(0 < self.min_probability <= 1, "min_probability must be above 0 and at most 1")
        require(1 <= self.ttl_hours <= 24 * 366, "ttl_hours must be between 1 and 8784")
        counts = (self.min_requests, self.min_evidence, self.min_attack_requests, self.min_earlier_decisions)
        require(min(counts) >= 0, "counts must not be negative")
        require(self.min_evidence <= 20, "min_evidence must be at most 20, which is all that a score keeps")


@dataclass(frozen=True)
class Repetition:
    """How durations grow: ttl x factor ** earlier decisions at least as strong on the address within the memory, capped."""

    __pydantic_config__ = STRICT

    factor: int = 2
    memory_hours: int = 168
    max_ttl_hours: int = 336

    def __post_init__(self) -> None:
        require(1 <= self.factor <= 10, "factor must be between 1 and 10")
        hours = (self.memory_hours, self.max_ttl_hours)
        require(min(hours) >= 1 and max(hours) <= 87_600, "memory_hours and max_ttl_hours must be between 1 and 87600")


@dataclass(frozen=True)
class Networks:
    """The strongest action on a network, how many of its addresses must take part, and how wide it may be."""

    __pydantic_config__ = STRICT

    at_most: str = "challenge"
    min_addresses: int = 3
    widest_v4: int = 24
    widest_v6: int = 64

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(8 <= self.widest_v4 <= 32, "widest_v4 must be a prefix length between 8 and 32")
        require(32 <= self.widest_v6 <= 128, "widest_v6 must be a prefix length between 32 and 128")


@dataclass(frozen=True)
class Shared:
    """Signs that many people share an address (NAT, carrier, office): many user agents, and sessions or page assets."""

    __pydantic_config__ = STRICT

    at_most: str = "challenge"
    min_user_agents: int = 8
    min_cookie_share: float = 0.3
    min_asset_share: float = 0.2
    min_browsing_agents: int = 4
    unknown_at_most: str = "challenge"

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        _require_action("unknown_at_most", self.unknown_at_most)
        require(self.min_browsing_agents >= 0, "min_browsing_agents must not be negative")


@dataclass(frozen=True)
class DeclaredBots:
    """Clients that call themselves a bot and only read: a challenge would stop a crawler."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    min_share: float = 0.9

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)


@dataclass(frozen=True)
class Sessions:
    """Clients that browse with cookies and page assets and have attacked nothing: probably people; and what a session is."""

    __pydantic_config__ = STRICT

    at_most: str = "challenge"
    min_cookie_share: float = 0.5
    min_asset_share: float = 0.2
    min_pages: int = 3
    min_assets: int = 3
    min_seconds: int = 10

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(min(self.min_pages, self.min_assets) >= 1, "min_pages and min_assets must be at least 1")
        require(self.min_seconds >= 0, "min_seconds must not be negative")


@dataclass(frozen=True)
class ForeignPages:
    """Clients with a session whose only attacks are requests that a page of somebody else can cause."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    many_requests: int = 30
    many_hours: int = 4
    many_days: int = 3
    many_at_most: str = "challenge"
    min_networks: int = 3

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        _require_action("many_at_most", self.many_at_most)
        counts = (self.many_requests, self.many_hours, self.many_days, self.min_networks - 1)
        require(min(counts) >= 1, "many_requests, many_hours and many_days must be at least 1, min_networks 2")


@dataclass(frozen=True)
class CertainAttacks:
    """Attack requests that lead to what they lead to alone, whatever else the client asks for."""

    __pydantic_config__ = STRICT

    min_probability: float = 0.99
    min_ordinary_networks: int = 3

    def __post_init__(self) -> None:
        holds = 0 < self.min_probability <= 1 and self.min_ordinary_networks >= 1
        require(holds, "min_probability must be above 0 and at most 1, min_ordinary_networks at least 1")


@dataclass(frozen=True)
class LoneAttacks:
    """A single attack request of a client that nobody seems to browse with: what it leads to, by its probability."""

    __pydantic_config__ = STRICT

    at_most: str = "challenge"
    count_probability: float = 0.6
    challenge_probability: float = 0.99

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(self.at_most != "block", "at_most must not be block: one request proves too little")
        require(
            0 < self.count_probability <= self.challenge_probability <= 1,
            "count_probability must be above 0 and at most challenge_probability, which is at most 1",
        )


@dataclass(frozen=True)
class Early:
    """What certain attacks that the site refused lead to while they stream in, before the hour is decided."""

    __pydantic_config__ = STRICT

    at_most: str = "block"
    min_probability: float = 0.99
    window_minutes: int = 10
    challenge_attacks: int = 3
    block_attacks: int = 10
    ttl_minutes: int = 120

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(0 < self.min_probability <= 1, "min_probability must be above 0 and at most 1")
        require(1 <= self.window_minutes <= 60, "window_minutes must be between 1 and 60")
        require(
            1 <= self.challenge_attacks <= self.block_attacks <= 100,
            "challenge_attacks must be at least 1 and at most block_attacks, which is at most 100",
        )
        require(10 <= self.ttl_minutes <= 24 * 60, "ttl_minutes must be between 10 and 1440")


@dataclass(frozen=True)
class Campaigns:
    """Addresses of many networks that send a few requests each with the same program, most of them attacks or for nothing."""

    __pydantic_config__ = STRICT

    at_most: str = "challenge"
    min_networks: int = 30
    max_requests: int = 3
    min_share: float = 0.8
    min_paths: int = 10

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(self.at_most != "block", "at_most must not be block: a member sends too little to prove more")
        require(min(self.min_networks, self.max_requests, self.min_paths) >= 1, "counts must be at least 1")
        require(0.5 <= self.min_share <= 1, "min_share must be between 0.5 and 1")


@dataclass(frozen=True)
class Repeats:
    """One request of an address over and over, each time with another value, and far more often than others send it."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    credentials_at_most: str = "challenge"
    min_tries: int = 30
    min_queries: int = 300
    min_share: float = 0.9
    times_of_others: int = 10

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        _require_action("credentials_at_most", self.credentials_at_most)
        is_no_block = "block" not in (self.at_most, self.credentials_at_most)
        require(is_no_block, "at_most must not be block: how often somebody asks proves too little")
        require(0 < self.min_share <= 1, "min_share must be above 0 and at most 1")
        counts = (self.min_tries - 1, self.min_queries, self.times_of_others)
        require(min(counts) >= 1, "min_tries must be at least 2, min_queries and times_of_others 1")


@dataclass(frozen=True)
class Volume:
    """Clients that have only asked for much: how strong an action that earns at most, and what is more than volume."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    min_pages: int = 100
    usual_share: float = 0.01
    max_asset_share: float = 0.1
    min_failed_sign_ins: int = 10
    min_failures_of_sign_ins: int = 5
    min_probes: int = 3
    min_missing_pages: int = 10
    min_failed_share: float = 0.3
    min_attack_share: float = 0.1
    min_attack_classes: int = 3
    steady_minute_requests: int = 4

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        shares = (self.usual_share, self.max_asset_share, self.min_failed_share, self.min_attack_share)
        require(
            min(shares) >= 0 and max(shares) <= 1,
            "usual_share, max_asset_share, min_failed_share and min_attack_share must be between 0 and 1",
        )
        counts = (self.min_pages, self.min_failed_sign_ins, self.min_failures_of_sign_ins)
        require(
            min(*counts, self.min_probes, self.min_missing_pages, self.min_attack_classes) >= 1,
            "min_pages, min_failed_sign_ins, min_failures_of_sign_ins, min_probes, min_missing_pages and "
            "min_attack_classes must be at least 1",
        )


@dataclass(frozen=True)
class Proxies:
    """Addresses that forward the requests of others: CDNs, load balancers, office proxies."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    min_forwarded_clients: int = 20
    max_attack_share: float = 0.1

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(self.min_forwarded_clients >= 2, "min_forwarded_clients must be at least 2")
        require(0 <= self.max_attack_share <= 1, "max_attack_share must be between 0 and 1")


@dataclass(frozen=True)
class VerifiedBots:
    """Crawlers and monitors whose addresses prove who they are."""

    __pydantic_config__ = STRICT

    at_most: str = "count"
    min_share: float = 0.9

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(0 < self.min_share <= 1, "min_share must be above 0 and at most 1")


@dataclass(frozen=True)
class Echo:
    """Actions under which a client's requests are an echo of our own action, and for how many hours after it."""

    __pydantic_config__ = STRICT

    actions: tuple[str, ...] = ("block",)
    slack_hours: int = 1

    def __post_init__(self) -> None:
        for action in self.actions:
            require(action in ACTIONS, f"actions names {action!r}; use count, challenge or block")
        require(0 <= self.slack_hours <= 24, "slack_hours must be between 0 and 24")


@dataclass(frozen=True)
class History:
    """The bound on actions while the lake has too little history to tell shared addresses: a scanner may only have come first."""

    __pydantic_config__ = STRICT

    min_hours: int = 24
    at_most: str = "challenge"

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        require(0 <= self.min_hours <= 168, "min_hours must be between 0 and 168")


@dataclass(frozen=True)
class Rules:
    """The policy of decisions; policy.yaml documents each value."""

    __pydantic_config__ = STRICT

    count: Step = Step(min_probability=0.5, ttl_hours=24)
    challenge: Step = Step(min_probability=0.7, ttl_hours=24, min_requests=3)
    block: Step = Step(
        min_probability=0.9,
        ttl_hours=24,
        min_requests=5,
        min_attack_requests=5,
        min_earlier_decisions=1,
    )
    at_most: str = "block"
    require_is_abuse: bool = True
    repetition: Repetition = Repetition()
    networks: Networks = Networks()
    shared: Shared = Shared()
    history: History = History()
    sessions: Sessions = Sessions()
    foreign_pages: ForeignPages = ForeignPages()
    certain_attacks: CertainAttacks = CertainAttacks()
    lone_attacks: LoneAttacks = LoneAttacks()
    early: Early = Early()
    campaigns: Campaigns = Campaigns()
    repeats: Repeats = Repeats()
    volume: Volume = Volume()
    proxies: Proxies = Proxies()
    declared_bots: DeclaredBots = DeclaredBots()
    verified_bots: VerifiedBots = VerifiedBots()
    echo: Echo = Echo()
    kinds: Mapping[str, str] = field(default_factory=dict)
    act_on_special: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_action("at_most", self.at_most)
        for kind, action in self.kinds.items():
            _require_action(f"kinds.{kind}", action)
        for special in self.act_on_special:
            require(special in SPECIAL_KINDS, f"act_on_special names {special!r}; known are {', '.join(SPECIAL_KINDS)}")
        least = [self.step(action).min_probability for action in ACTIONS]
        require(least == sorted(least), "min_probability must not fall from count to challenge to block")

    def strongest(self, kind: str | None, is_network: bool) -> str:
        """The strongest action on a kind of abuse by an address or a network, whatever else it shows; may be none."""
        bounds = [self.at_most, self.kinds.get(kind or "", self.at_most)]
        bounds += [self.networks.at_most] if is_network else []
        return min(bounds, key=rank)

    def step(self, action: str) -> Step:
        return {"count": self.count, "challenge": self.challenge, "block": self.block}[action]


def up_to_challenge(
    rules: Rules, at_most: str, count_probability: float, challenge_probability: float, min_attack_requests: int = 0
) -> Rules:
    """The rules with steps that one request can take, count and challenge; `min_attack_requests` of the challenge."""
    one_request = {"min_requests": 1, "min_evidence": 0}
    return replace(
        rules,
        at_most=min(rules.at_most, at_most, key=rank),
        count=replace(rules.count, min_probability=count_probability, **one_request),
        challenge=replace(
            rules.challenge,
            min_probability=challenge_probability,
            min_attack_requests=min_attack_requests,
            min_earlier_decisions=0,
            **one_request,
        ),
        block=replace(rules.block, min_probability=1.0),  # at_most keeps it out of reach; steps may not fall
    )
