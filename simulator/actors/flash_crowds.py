"""Flash crowds: many people at once on one page, because of a mail, a broadcast or a post. They look like a flood.

Source: studies of flash crowds and denial of service (Jung, Krishnamurthy, Rabinovich, WWW 2002): many clients, few requests each.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.web import tracking, words
from simulator.web.families import Family
from simulator.web.stage import Stage
from simulator.web.visits import Taste, visit

_HURRIED = Taste(pages=1.6, images=2.5)


def _flash(
    stage: Stage, visitors: int, minutes: float, referers: Sequence[str], phone_share: float, query: str
) -> None:
    """Visitors arrive faster than they leave, most within the first minutes. A query with `{}` gets a number of its own."""
    rng = stage.rng
    count = max(6, round(visitors * stage.scale * min(1.0, stage.hours / 4)))
    begin = stage.burst_start(minutes * 60 * 2)
    for _ in range(count):
        at = begin + rng.gammavariate(1.4, minutes * 60 / 1.4)
        client = stage.shopper(phone_share)
        personal = query.format(words.identifier(rng, 10, "0123456789abcdef")) if "{}" in query else query
        visit(stage, client, at, _HURRIED, landing=("/offer", personal, rng.choice(referers)), known=0.7)


def mail(stage: Stage) -> None:
    """A newsletter with an offer; every link has a number of its own."""
    query = "utm_source=newsletter&utm_medium=email&utm_campaign=flash%20sale%20%26%20more&mc_eid={}"
    _flash(stage, 150, 9, tracking.MAIL_REFERERS, 0.65, query)


def broadcast(stage: Stage) -> None:
    """A television program names the shop: for two minutes everybody types its address."""
    _flash(stage, 100, 3, ("", "", "https://www.google.com/"), 0.8, "")


def post(stage: Stage) -> None:
    """A post with a link: in-app browsers, over an hour."""
    query = "utm_source=ig&utm_medium=social&utm_content=link_in_bio&fbclid=PAZXh0bgNhZW0CMTEAAa"
    _flash(stage, 90, 20, tracking.SOCIAL_REFERERS, 0.95, query)


FAMILIES = (
    Family("flash_crowd", "flash_mail", mail, "Jung et al., WWW 2002; mail-marketing click curves", never_block=True),
    Family("flash_crowd", "flash_broadcast", broadcast, "reports on sites after TV features", never_block=True),
    Family("flash_crowd", "flash_post", post, "reports on social-media spikes", held_out=True, never_block=True),
)  # fmt: skip
