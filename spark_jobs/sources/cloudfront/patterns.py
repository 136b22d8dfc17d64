"""Regular expressions for paths and user agents, by the counts of client_hourly that they define."""

# The end is \z, not $: to some engines a last newline, which a decoded path may hold, comes after $.
ASSET_PATH = r"(?i)\.(?:css|js|mjs|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|eot|mp4|webm|mp3|m4s|ts|m3u8)\z"
SIGN_IN_PATH = r"(?i)/(?:log[-_]?in|sign[-_]?in|auth|authenticate|session|sessions|token|oauth|wp-login\.php|xmlrpc\.php)(?:[/.]|\z)"
PROBE_PATH = (
    r"(?i)(?:/\.(?:env|git|svn|hg|aws|ssh|ds_store|htaccess|htpasswd|vscode|idea|npmrc|docker)|"
    r"\.(?:bak|old|orig|save|swp|sql|sqlite|db|dump|tar|tgz|7z|rar|conf|cfg|ini|log|pem|key|asp|aspx|jsp|cgi|do)(?:\.gz)?\z|"
    r"/(?:wp-admin|wp-content/plugins|wp-config|phpmyadmin|pma|adminer|phpinfo|cgi-bin|actuator|solr|jenkins|manager/html|"
    r"server-status|console|boaform|hnap1|vendor/phpunit|setup\.cgi|owa|ecp|autodiscover|telescope|_ignition|druid|nacos|"
    r"struts|geoserver|remote/login|sdk|evox|goform|shell|cmd|backup|dump)(?:[/.?]|\z))"
)
TOOL_AGENT = (
    r"(?i)(?:curl|wget|python|aiohttp|httpx|go-http-client|java/|okhttp|libwww|perl|ruby|php/|guzzle|axios|node-fetch|undici|"
    r"scrapy|httpclient|postman|insomnia|zgrab|masscan|nmap|nikto|sqlmap|nuclei|wpscan|gobuster|dirbuster|ffuf|feroxbuster|hydra)"
)
BOT_AGENT = r"(?i)(?:bot\b|bot/|crawler|spider|slurp|monitor|pingdom|uptime|preview|facebookexternalhit|feedfetcher|\+https?://)"
NOT_A_PAGE = (
    r"(?i)(?:\.(?:css|js|mjs|map|png|jpe?g|gif|webp|avif|svg|ico|bmp|tiff?|woff2?|ttf|otf|eot|wasm|webmanifest|"
    r"mp4|webm|mp3|m4[asv]|aac|flac|ogg|wav|ts|m3u8|mpd|vtt|srt|key|pbf|mvt|terrain|glb|gltf|bin|dat|"
    r"zip|gz|tgz|bz2|xz|zst|7z|rar|whl|egg|gem|jar|pom|war|deb|rpm|apk|dmg|pkg|exe|msi|iso|img|nupkg|crate|"
    r"sha\d+|md5|asc|sig|pdf|csv|json|xml|rss|atom|txt|ics|epub|docx?|xlsx?|pptx?)\z|"
    r"/(?:api|apis|graphql|gql|rest|rpc|v\d{1,3}|ws|socket\.io|sockjs|signalr|simple|pypi|npm|maven2?|repository|-)(?:/|\z)|"
    r"/\d{1,2}/\d+/\d+(?:@\dx)?\z)"
)
"""Paths that are no page a person reads: assets, media segments, map tiles, downloads, feeds, APIs, package indexes."""
PACKAGE_INDEX = r"(?i)/simple/"
"""Pages of an index that installers read."""
NOT_ENCODED = r"[\x00-\x20<>\"\x7f]"
"""Characters that every browser encodes in paths and queries alike (WHATWG URL, fragment and query percent-encode sets)."""
PROXY_AGENT = r"(?i)\A(?:amazon cloudfront|cloudflare|fastly|akamai|varnish|squid)"
PATH_PATTERNS = {
    "asset_request_count": ASSET_PATH,
    "sign_in": SIGN_IN_PATH,
    "probe_path_request_count": PROBE_PATH,
    "robots_request_count": r"\A/robots\.txt\z",
    "not_a_page": NOT_A_PAGE,
    "package_index": PACKAGE_INDEX,
}
AGENT_PATTERNS = {
    "tool_user_agent_count": TOOL_AGENT,
    "declared_bot_count": BOT_AGENT,
    "proxy_agent_count": PROXY_AGENT,
}
