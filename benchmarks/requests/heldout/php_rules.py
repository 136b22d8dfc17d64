"""Rules of PHP code."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "open": ("<?", "<?=", "<?php ", "<%", "<%=", "<script language=php>", "<script language='php'>", "<?\n"),
    "gap": (" ", "/**/", "/*‹@tok›*/", "\t", "\n", "  ", "#‹@tok›\n"),
    "call": tuple("system exec passthru shell_exec popen proc_open assert eval phpinfo file_get_contents readfile var_dump print_r scandir highlight_file show_source call_user_func create_function array_map usort ini_get getenv posix_getuid".split()),
    "run": ("‹@call›(‹@arg›);", "echo ‹@call›(‹@arg›);", "‹@call›(‹@arg›)", "print ‹@call›( ‹@arg› );"),
    "arg": ("'id'", "\"whoami\"", "'ls -‹la¦R›'", "'/etc/‹passwd¦hosts¦group›'", "$_‹GET¦POST¦REQUEST¦COOKIE›[‹@tok›]", "$_SERVER['HTTP_‹ACCEPT¦HOST¦X›']", "\"uname -a\"", "base64_decode('‹@tok›‹@tok›==')", "chr(‹@n8›).chr(‹@n8›)", "__FILE__"),
}  # fmt: skip
