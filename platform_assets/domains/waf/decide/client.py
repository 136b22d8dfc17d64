"""One client at the end of one hour, as the rules see it, and what its row shows of people. Pure; standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.identity import Identity
from platform_assets.domains.waf.decide.more_than_volume import (
    counted_attacks,
    does_harm,
    failed_sign_ins,
    without_foreign,
)
from platform_assets.domains.waf.decisions import Decision, Row, whole
from platform_assets.domains.waf.networks import Network
from platform_assets.domains.waf.rulebook import Rules, Sessions, Shared


@dataclass(frozen=True)
class Client:
    """One client at the end of one hour."""

    network: Network
    score: Row
    probability: float
    request_count: int
    attack_request_count: int
    evidence: tuple[str, ...]
    behavior: Row | None
    """Without the requests that a foreign page can have caused."""
    earlier: tuple[Decision, ...]
    identity: Identity | None = None
    browsing: Browsing | None = None
    usual_pages: int = 0
    attack_class_count: int = 0

    @property
    def foreign_attack_count(self) -> int:
        return 0 if self.browsing is None else self.browsing.foreign_attack_count

    @property
    def harmless_count(self) -> int:
        """Attack requests of which nothing but the method is unusual, a path that this site serves, or a file of the client's."""
        seen = self.browsing
        return 0 if seen is None else seen.operation_count + seen.own_name_count + seen.own_file_count

    @property
    def own_attack_count(self) -> int:
        """Attack requests that no foreign page can have caused."""
        return max(self.attack_request_count - self.foreign_attack_count, 0)

    def counted_attacks(self, rules: Rules) -> int:
        """Attack requests and failed sign-ins that count as attacks under the rules."""
        attacks = counted_attacks(
            self.behavior, self.own_attack_count, rules.volume, self.attack_class_count, self.harmless_count
        )
        return attacks + failed_sign_ins(self.behavior, rules.volume)

    def does_harm(self, rules: Rules) -> bool:
        """Whether attacks, failed sign-ins or probing speak against it."""
        return self.counted_attacks(rules) > 0 or (self.behavior is not None and does_harm(self.behavior, rules.volume))


def client_of(
    network: Network,
    score: Row,
    behavior: Row | None,
    attacks: Row | None,
    past: tuple[Decision, ...],
    identity: Identity | None = None,
    browsing: Browsing | None = None,
    usual_pages: int = 0,
) -> Client:
    """The client of a row of client_scores, its rows of client_daily and client_attacks, and its earlier decisions."""
    ids = score.get("evidence_request_ids")
    evidence = () if ids is None else tuple(str(request_id) for request_id in ids)[:20]
    probability = float(score["abuse_probability"])
    return Client(
        network=network,
        score=score,
        probability=probability if 0 <= probability <= 1 else 0.0,  # NaN and invalid values lead to no decision
        request_count=whole(score.get("request_count")),
        attack_request_count=len(evidence) if attacks is None else whole(attacks.get("day_attack_request_count")),
        evidence=evidence,
        behavior=without_foreign(behavior, {} if browsing is None else browsing.foreign),
        earlier=past,
        identity=identity,
        browsing=browsing,
        usual_pages=usual_pages,
        attack_class_count=whole((attacks or {}).get("day_attack_class_count")),
    )


def looks_shared(row: Row, shared: Shared) -> bool:
    requests = max(whole(row.get("request_count")), 1)
    many_agents = whole(row.get("distinct_user_agent_count")) >= shared.min_user_agents
    sessions = whole(row.get("cookie_request_count")) / requests >= shared.min_cookie_share
    pages = whole(row.get("asset_request_count")) / requests >= shared.min_asset_share
    return many_agents and (sessions or pages)


def looks_like_people(row: Row, sessions: Sessions) -> bool:
    requests = max(whole(row.get("request_count")), 1)
    has_cookies = whole(row.get("cookie_request_count")) / requests >= sessions.min_cookie_share
    return has_cookies and whole(row.get("asset_request_count")) / requests >= sessions.min_asset_share


def may_browse(row: Row, attack_request_count: int, rules: Rules) -> bool:
    """Whether the requests behind a row of client_daily can change a decision: by a session, user agents, methods or names."""
    served_names = min(whole(row.get("probe_path_request_count")), whole(row.get("ok_count")))
    if attack_request_count and (whole(row.get("unusual_method_request_count")) or served_names):
        return True
    assets, cookies = whole(row.get("asset_request_count")), whole(row.get("cookie_request_count"))
    if attack_request_count and cookies and assets >= rules.sessions.min_assets:
        return True
    does_more = attack_request_count > 0 or does_harm(row, rules.volume)
    return does_more and whole(row.get("address_count")) <= 1 and looks_shared(row, rules.shared)
