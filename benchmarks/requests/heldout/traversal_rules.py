"""Rules of the traversal family: disguised units, and targets whose separators are disguised as well."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "lead": tuple("%c0 %c1 %e0%80 %f0%80%80 %c4 %e2 %ff %fe %bf %d0 %f5".split()),
    "dot2": tuple("%c0%ae %c0%2e %c0%fe %c1%ae".split()),
    "slash2": tuple("%c0%af %c0%2f %c1%9c %c1%af %c0%5c %c1%1c %c0%9v %c0%qf %c1%8s %c1%pc".split()),
    "dot3": tuple("%e0%80%ae %f0%80%80%ae %e0%40%ae".split()),
    "slash3": tuple("%e0%80%af %f0%80%80%af %e0%81%9c %f0%80%81%9c".split()),
    "dot56": tuple("%f8%80%80%80%ae %fc%80%80%80%80%ae".split()),
    "slash56": tuple("%f8%80%80%80%af %fc%80%80%80%80%af %f8%80%80%81%9c".split()),
    "plain": tuple("/ %2f \\ %5c".split()),
    "target": (
        "etc‹§s›passwd", "etc‹§s›shadow", "etc‹§s›hosts", "etc‹§s›group", "etc‹§s›issue", "etc‹§s›ssh‹§s›sshd_config", "windows‹§s›win.ini", "winnt‹§s›system32‹§s›cmd.exe",
        "windows‹§s›system32‹§s›drivers‹§s›etc‹§s›hosts", "WEB-INF‹§s›web.xml", "META-INF‹§s›MANIFEST.MF", "proc‹§s›self‹§s›environ", "proc‹§s›self‹§s›cmdline", "proc‹§s›version",
        "boot.ini", ".env", ".git‹§s›config", ".aws‹§s›credentials", ".ssh‹§s›id_rsa", "var‹§s›log‹§s›auth.log", "root‹§s›.bash_history", "inetpub‹§s›wwwroot‹§s›web.config",
        "app‹§s›config‹§s›database.yml", "wp-config.php", "windows‹§s›repair‹§s›sam",
    ),
    "letters": ("‹@foreign›", "caf‹é¦és› ‹@city›", "Straße ‹@n›", "‹garçon¦naïve¦crème brûlée¦São Paulo¦Åse¦smörgåsbord¦coração¦Ñandú› ‹@n›", "‹привет¦Август¦Анна¦яблоко¦Москва› ‹@n›", "‹@last› ‹@n› €"),
}  # fmt: skip
