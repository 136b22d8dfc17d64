"""Batch and PowerShell, and disguises of POSIX shells: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.shell_rules import RULES
from benchmarks.requests.heldout.words import mixed_case

windows = Group("windows_commands", RULES)
attack, benign = windows.attack, windows.benign

attack(
    "goto_and_carets",
    "‹@sep›‹c^m^d¦ci^d^m^d.e^xe¦p^ow^ersh^ell› /‹c¦k¦q› ‹@dos›‹¦ ^& ‹@dos››",
    "vv",
    rewrite=mixed_case,
)
attack(
    "concatenated_cmdlet",
    "‹@sep›‹&¦.›('‹i¦ie¦Inv›'+'‹ex¦x¦oke-Expression›') ‹(gv ‹@v› -va)¦$env:‹@winvar›¦(gc C:\\‹@winfile›)¦('‹@tok›'|sls ‹@tok›)›",
    "vv",
)
attack(
    "processes_and_services",
    "‹@sep›‹spps¦kill¦saps¦start¦sasv¦spsv¦gps¦gwmi¦gcim› ‹¦-n ¦-id ¦-Class ›‹@tok›‹ -Force¦ -Arg '/c ‹@dos›'¦|fl¦|select -exp ‹@tok›¦;sleep ‹@n››",
    "vv",
)

benign("percent_names", "%‹@adj›% %‹@noun›%‹¦ 100%¦ %s¦ %d› ‹@n›", "vvvrn")
benign(
    "aliases_as_words",
    "‹gps¦kill¦start¦select¦type¦sort¦echo¦where¦sleep› ‹@adj› ‹@noun›‹ & ¦ | ¦, ›‹@topic›‹¦ ‹@n››",
    "vvvrn",
)

posix = Group("shell_disguises", RULES)
attack, benign = posix.attack, posix.benign

attack(
    "printf_hex",
    "‹@sep›‹$(¦`¦eval $(›printf ‹'¦\"›‹\\x63\\x61\\x74¦\\x69\\x64¦\\154\\163¦\\x77\\x68\\x6f\\x61\\x6d\\x69¦\\165\\156\\141\\155\\145›‹'¦\"›‹)¦`› ‹@unixfile›",
    "vv",
)
attack(
    "quoted_letters",
    "‹@sep›‹c'a't¦\"c\"at¦c\\at¦/b'i'n/ca\\t¦w\"h\"oami¦l\\s -a¦i''d;›‹ ¦${IFS}¦<›‹@unixfile›",
    "vvvrn",
)
attack(
    "decoded_pipe",
    "‹@sep›‹echo ‹@tok›‹@tok›‹@tok›=|base64 -d|‹sh¦bash¦zsh›¦rev<<<'‹di¦sl¦imaohw¦emanu›'|sh¦tr a-z b-za <<< '‹@tok›'|sh¦xxd -r -p <<< ‹6964¦6c73›0a|‹bash¦ash››‹¦ # ‹@tok››",
    "vv",
)

benign("code_fonts", "`‹@noun›` ‹and¦vs¦or› `‹@adj›-‹@noun›`‹¦ in ‹@lang››", "vvvrn")
benign("shell_prices", "‹shell¦bash¦fish¦dash¦zsh¦pipe› ‹@noun›‹s¦› {‹@adj›, ‹@adj›} <$‹@n›", "vvvrn")
