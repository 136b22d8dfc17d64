"""The vocabulary of the shop: its products, and the search texts of visitors.

Hard words are here on purpose: O'Brien, prose with SQL words, code that people paste, scripts other than Latin. Payloads
of attackers do not belong here.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

THEMES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "outdoor": (
        ("alpine", "trail", "ridge", "summit", "river", "storm", "nordic", "ultra", "merino", "carbon", "granite", "union", "scout", "wild"),
        ("jacket", "tent", "boots", "backpack", "sleeping-bag", "stove", "headlamp", "poles", "rope", "harness", "gaiters", "bottle", "knife",
        "hammock"),
        ("jackets", "tents", "footwear", "backpacks", "sleeping", "cooking", "lighting", "climbing", "accessories", "sale", "kids", "brands"),
    ),
    "books": (
        ("complete", "illustrated", "essential", "modern", "hidden", "practical", "secret", "short", "pocket", "annotated", "beginners", "advanced"),
        ("cookbook", "atlas", "history", "grammar", "novel", "biography", "handbook", "poems", "javascript-guide", "sql-select-primer",
        "shell-scripting", "garden-manual"),
        ("fiction", "science", "computing", "travel", "children", "cooking", "history", "art", "languages", "bestsellers", "second-hand", "audio"),
    ),
    "home": (
        ("oak", "linen", "copper", "velvet", "rattan", "ceramic", "brass", "walnut", "cotton", "glass", "steel", "drop-leaf", "vintage"),
        ("table", "lamp", "chair", "cupboard", "rug", "vase", "curtain", "kettle", "pan", "shelf", "mirror", "cushion", "clock", "bed"),
        ("living-room", "kitchen", "bedroom", "bathroom", "lighting", "garden", "textiles", "storage", "decoration", "office", "outlet", "new"),
    ),
    "electronics": (
        ("quantum", "nova", "pulse", "vertex", "echo", "titan", "aero", "sonic", "flux", "prime", "zen", "exec", "pro"),
        ("headphones", "monitor", "keyboard", "router", "speaker", "tablet", "charger", "camera", "drive", "mouse", "cable", "printer", "projector"),
        ("audio", "computers", "displays", "networking", "photo", "phones", "storage", "gaming", "smart-home", "cables", "refurbished", "deals"),
    ),
}
"""Assortment -> adjectives, things, categories."""

NAMES = ("fernhill", "brightkeel", "oldmarket", "northlane", "kestrel", "stonebridge", "marlow-co", "hazelwood", "tidewater", "amberline")

FIRST_NAMES = """\
anna ben carla david elena felix grace hugo ines jonas katya liam mia noah olga paul rosa sam tara uwe vera wim yusuf zoe sean.obrien m.dangelo""".split()
LAST_NAMES = """\
smith mueller garcia rossi dubois kowalski jansen nielsen novak silva tanaka khan olsen weber martin brown o.neill moreau""".split()
MAIL_HOSTS = ("gmail.com", "outlook.com", "yahoo.com", "web.de", "gmx.net", "orange.fr", "icloud.com", "proton.me", "hotmail.co.uk", "libero.it")

PLAIN_SEARCHES = (
    "gift for {who}", "{adj} {thing}", "{thing} size {n}", "{thing} under {n} euro", "{thing} for {who}", "best {thing} {year}", "cheap {thing}",
    "{thing} {colour}", "{adj} {thing} {colour}", "{thing}s", "{thing} with {thing2}", "{n} cm {thing}", "{thing} & {thing2}",
    "{thing} replacement part",
    "{thing}, {colour}", "{thing} (large)", "return policy", "opening hours", "voucher", "{thing} 100% cotton", "black friday {thing}",
)
NAMED_SEARCHES = (
    "O'Brien {thing}", "men's {thing}", "women's {adj} {thing}", "L'Oréal", "D'Angelo {thing}", "kid's {thing}", "M&M's", "Levi's {colour}",
    "rock 'n' roll {thing}",
    "\"{adj} {thing}\"", "{n}' x {n2}' {thing}", "{n}\" {thing}", "AT&T {thing}", "1/2\" {thing}", "Barnes & Noble", "#{thing}", "{thing} @ home",
    "Dr. Martens 'vegan'", "c'est la vie {thing}",
)
PROSE_SEARCHES = (
    "how to select a {thing} from the new collection", "select the best {thing} from {year} and {year2}", "union jack {thing}",
    "credit union or bank {thing}", "drop leaf {thing}",
    "drop shipping or 1-day delivery", "insert for {thing} into drawer", "update on my order from {n} november",
    "where is my order and when is delivery", "delete my account or address",
    "{thing} order by friday", "{thing} or {thing2}; which is better?", "all or nothing {thing}",
    "having trouble with {thing}, {colour} or {colour2}", "like new {thing} and {n}=free?",
    "table and chair like in the photo", "case for {thing} when wet", "exec desk {thing}", "group by colour {thing}", "sleep(ing) bag 5 degrees",
    "{thing} where to sleep", "null and void {thing}",
    "from table to floor lamp -- {n} cm", "cast iron {thing} as set", "truncate my subscription", "Robert'); nice {thing}", "script font {thing}",
    "cat bed | dog bed", "ping pong {thing}", "/etc. and other {thing}",
)
CODE_SEARCHES = (
    "javascript: the good parts", "<br> tag book", "html <script> tutorial", "sql injection prevention book", "select * from where tutorial",
    "c++ && rust", "error 404 <not found> {thing}",
    "php echo $variable handbook", "bash $(command) quick reference", "{{{{name}}}} left in your email", "regex ^[a-z]+$ poster",
    "python os.system vs subprocess", "rm -rf / sticker", "t-shirt 'or 1=1'",
    "mug \"SELECT coffee FROM kitchen\"", "../ relative path poster", "cmd.exe mousepad", "xml <!DOCTYPE> reference", "sudo make me a sandwich",
    "little bobby tables t-shirt", "127.0.0.1 doormat", "http://localhost doormat",
    "cat /dev/null sticker", "onload= event javascript", "${{HOME}} sweet ${{HOME}} doormat", "{thing} `code` print", "alert('hello world') mug",
    "wget or curl pocket guide", "vi /etc/hosts mug", "log4j shirt",
)
WORLD_SEARCHES = (
    "теплая куртка", "палатка на двоих", "спальный мешок", "登山靴 レディース", "テント 2人用", "冬 ジャケット", "等山杖 碳纤维", "保温杯", "沙发套 {n}", "겨울 재킷", "캠핑 의자",
    "กระเป๋าเป้",
    "جاكيت شتوي", "حقيبة ظهر {n} لتر", "מעיל חורף", "αδιάβροχο μπουφάν", "áo khoác mùa đông", "çadır {n} kişilik", "żółta kurtka męska",
    "příliš žluťoučký kůň", "größe {n} gummistiefel", "éclairage à piles", "niño {thing}", "🎁 {thing}", "🏕️", "ひざ掛け「{n}cm」",
)

_WHO = ("mum", "dad", "kids", "him", "her", "teenager", "my boss", "cat lovers")
_COLOURS = ("black", "blue", "green", "red", "grey", "white", "yellow", "rose", "anthracite")


def fill(rng: Random, template: str, theme: str) -> str:
    """A search text from its template: each name stands for a word of the shop or of its visitors."""
    adjectives, things, _ = THEMES[theme]
    return template.format(
        adj=rng.choice(adjectives).replace("-", " "), thing=rng.choice(things).replace("-", " "), thing2=rng.choice(things).replace("-", " "),
        who=rng.choice(_WHO), colour=rng.choice(_COLOURS), colour2=rng.choice(_COLOURS), n=rng.randrange(2, 250), n2=rng.randrange(3, 20),
        year=rng.choice((2025, 2026)), year2=rng.choice((2024, 2027)),
    )


def mail_address(rng: Random) -> str:
    return f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}{rng.choice(('', '', str(rng.randrange(1, 99))))}@{rng.choice(MAIL_HOSTS)}"


def identifier(rng: Random, length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
    """A random identifier, as of sessions, builds and canaries."""
    return "".join([rng.choice(alphabet) for _ in range(length)])
