"""Flash crowds: many people at once on one address, because of a mail, a broadcast or a post. Looks like a flood; is a sale.

Source: studies of flash crowds and denial of service (Jung, Krishnamurthy, Rabinovich, WWW 2002): many clients, few requests each.
"""

from __future__ import annotations

from simulator.web import tracking, words
from simulator.web.families import Family
from simulator.web.stage import Stage
from simulator.web.visits import Taste, visit

_HURRIED = Taste(pages=1.6, images=2.5)


def _flash(
    stage: Stage,
    visitors: int,
    minutes: float,
    query: str,
    referers: tuple[str, ...],
    phone_share: float,
    own_query: bool = False,
) -> None:
    """Visitors arrive faster than they leave, most within the first minutes."""
    rng = stage.rng
    count = max(6, round(visitors * stage.scale * min(1.0, stage.hours / 4)))
    begin = stage.burst_start(minutes * 60 * 2)
    for _ in range(count):
        at = begin + rng.gammavariate(1.4, minutes * 60 / 1.4)
        client = stage.shopper(phone_share)
        personal = f"{query}&mc_eid={words.identifier(rng, 10, '0123456789abcdef')}" if own_query else query
        visit(stage, client, at, _HURRIED, landing=("/offer", personal, rng.choice(referers)), known=0.7)


def mail(stage: Stage) -> None:
    """A newsletter with an offer; everybody's link carries a number of their own."""
    _flash(
        stage,
        150,
        9,
        "utm_source=newsletter&utm_medium=email&utm_campaign=flash%20sale%20%26%20more",
        tracking.MAIL_REFERERS,
        0.65,
        own_query=True,
    )


def broadcast(stage: Stage) -> None:
    """A television programme names the shop: two minutes of everybody typing its address."""
    _flash(stage, 100, 3, "", ("", "", "https://www.google.com/"), 0.8)


def post(stage: Stage) -> None:
    """A post with a link: in-app browsers, over an hour."""
    _flash(
        stage,
        90,
        20,
        "utm_source=ig&utm_medium=social&utm_content=link_in_bio&fbclid=PAZXh0bgNhZW0CMTEAAa",
        tracking.SOCIAL_REFERERS,
        0.95,
    )


FAMILIES = (
    Family("flash_crowd", "flash_mail", mail, "Jung et al., WWW 2002; mail-marketing click curves", never_block=True),
    Family("flash_crowd", "flash_broadcast", broadcast, "reports on sites after TV features", never_block=True),
    Family("flash_crowd", "flash_post", post, "reports on social-media spikes", held_out=True, never_block=True),
)  # fmt: skip
