"""Queries that marketing appends to links: campaign parameters, click identifiers, unexpanded macros; and referers.

Long, random-looking and full of odd characters, and all of it harmless.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

import base64
import json
from random import Random
from urllib.parse import quote

from simulator.web.words import identifier, mail_address

_URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CAMPAIGNS = ("bf_2026", "winter-sale", "welcome_3", "cart_reminder", "Brand | DE | Exact", "pmax_all_products", "retargeting 30d", "newsletter-47",
    "CyberWeek{EU}", "spring[1]", "o'clock deals", "10% off", "DSA: select & save")

SEARCH_REFERERS = ("https://www.google.com/", "https://www.google.com/", "https://www.google.de/", "https://www.bing.com/", "https://duckduckgo.com/",
    "https://www.ecosia.org/", "https://search.yahoo.com/", "https://www.google.co.uk/")
SOCIAL_REFERERS = ("https://www.instagram.com/", "https://l.facebook.com/", "http://m.facebook.com/", "https://t.co/Q2xhc3M",
    "https://www.pinterest.com/", "https://www.youtube.com/", "https://out.reddit.com/", "android-app://com.google.android.gm/", "https://lnkd.in/")
MAIL_REFERERS = ("", "", "https://mail.google.com/", "https://outlook.live.com/", "https://deref-web.de/",
    "android-app://com.google.android.googlequicksearchbox/", "https://email.t-online.de/")


def click_query(rng: Random) -> str:
    """The query of a link from an advertisement, a newsletter or a post."""
    pick = rng.random()
    if pick < 0.22:
        return f"gclid={rng.choice(('Cj0KCQ', 'EAIaIQ', 'CjwKCA'))}{identifier(rng, rng.randrange(50, 88), _URL_SAFE)}" + ("" if rng.random() < 0.5 else f"&gad_source={rng.randrange(1, 6)}&gbraid=0AAAAA{identifier(rng, 26, _URL_SAFE)}")
    if pick < 0.38:
        return f"fbclid=IwZXh0bgNhZW0{identifier(rng, rng.randrange(48, 110), _URL_SAFE)}_aem_{identifier(rng, 22, _URL_SAFE)}"
    if pick < 0.62:
        source, medium = rng.choice((("google", "cpc"), ("newsletter", "email"), ("facebook", "paid_social"), ("awin", "affiliate"),
            ("tiktok", "paid"), ("bing", "cpc")))
        return f"utm_source={source}&utm_medium={medium}&utm_campaign={quote(rng.choice(_CAMPAIGNS))}" + ("" if rng.random() < 0.5 else f"&utm_content={identifier(rng, 8)}&utm_term={quote(rng.choice(_CAMPAIGNS))}")
    if pick < 0.7:
        return f"srsltid=AfmBOo{identifier(rng, 50, _URL_SAFE)}"
    if pick < 0.76:
        return f"msclkid={identifier(rng, 32, '0123456789abcdef')}"
    if pick < 0.82:
        return f"mc_cid={identifier(rng, 10, '0123456789abcdef')}&mc_eid={identifier(rng, 10, '0123456789abcdef')}"
    if pick < 0.88:
        return f"_hsenc=p2ANqtz-{identifier(rng, 70, _URL_SAFE)}&_hsmi={rng.randrange(100000000, 399999999)}"
    if pick < 0.94:
        return f"ref={rng.choice(('home', 'footer', 'nav', 'blog', 'qr', 'app'))}&variant={rng.randrange(3)}"
    return f"ttclid=E.C.P.{identifier(rng, 80, _URL_SAFE)}"


def opaque_query(rng: Random) -> str:
    """Queries that resemble attacks: base64 of JSON, tokens, addresses in parameters, unexpanded macros."""
    pick = rng.randrange(10)
    if pick == 0:
        fact = {"u": rng.randrange(10**8), "c": rng.choice(_CAMPAIGNS), "e": mail_address(rng), "t": rng.randrange(1795000000, 1796000000)}
        return f"d={base64.urlsafe_b64encode(json.dumps(fact).encode()).decode()}"
    if pick == 1:
        return f"data={quote(base64.b64encode(rng.randbytes(rng.randrange(30, 140))).decode(), safe=rng.choice(('', '/+=')))}"
    if pick == 2:
        macro = rng.choice(("{{campaign.name}}", "{campaignid}", "${GCLID}", "[sitesource]", "%%CLICK_URL_UNESC%%", "{{ad.id}}", "{lpurl}",
            "*|UNIQID|*", "${CACHEBUSTER}", "#{order_id}", "{{site_source_name}}"))
        return f"utm_source=fb&utm_campaign={macro if rng.random() < 0.5 else quote(macro)}&utm_id={rng.randrange(10**11)}"
    if pick == 3:
        return f"next={quote(rng.choice(('/account/orders?filter=open', '/checkout?step=2&coupon=SAVE', 'https://pay.partner.example/return?ok=1')), safe='')}"
    if pick == 9:
        return f"ReturnUrl={quote(quote('/checkout/confirm?order=' + identifier(rng, 8) + '&step=2', safe=''), safe='')}"
    if pick == 4:
        return f"url={quote('https://cdn.partner.example/feed/' + identifier(rng, 6) + '.jpg', safe='')}&w={rng.choice((320, 640, 828))}&q=75"
    if pick == 5:
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "HS256", "typ": "JWT"},
            {"sub": str(rng.randrange(10**7)), "exp": rng.randrange(1796000000, 1797000000)}))
        return f"token={token}.{identifier(rng, 43, _URL_SAFE)}"
    if pick == 6:
        return f"email={quote(mail_address(rng))}&sig={identifier(rng, 64, '0123456789abcdef')}&unsubscribe=1"
    if pick == 7:
        return f"_ga=2.{rng.randrange(10**8, 10**9)}.{rng.randrange(10**9)}.1795{rng.randrange(10**6)}-{rng.randrange(10**9)}.17{rng.randrange(10**8)}&_gl=1*{identifier(rng, 7)}*_up*MQ.."
    return f"state={quote(json.dumps({'r': '/cart', 'n': identifier(rng, 12), 'cb': 'select(1)'}))}&code={identifier(rng, 40, _URL_SAFE)}"
