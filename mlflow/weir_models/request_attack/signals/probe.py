"""Signals of scanners: unlinked files, consoles, vulnerable devices and code, names of tools.

A name counts where scanners request it: as a whole segment near the root. The picture of a console deep in a blog is
content.
"""

from __future__ import annotations

from functools import partial

from weir_models.request_attack.signals.signal import Signal

_path = partial(Signal, attack_class="scanner_probe", kinds="p")
_agent = partial(Signal, attack_class="scanner_probe", kinds="a")
_any = partial(Signal, attack_class="scanner_probe")

_NEAR_ROOT = r"^/{1,2}(?:[\w.~%-]{1,30}/){0,2}"
_END = r"(?:[/;?]|$)"

_TOOLS = r"(?:sqlmap|\bnikto|nessus|openvas|\bnuclei\b|acunetix|netsparker|invicti|wpscan|joomscan|droopescan|dirbuster|gobuster|dirsearch|feroxbuster|fuzz\s+faster\s+u\s+fool|\bffuf|wfuzz|masscan|zgrab|\bzmap|\bnmap\b|w3af|arachni|skipfish|havij|whatweb|wapiti|\bvega/|appscan|\bwebinspect\b|qualys|burpcollaborator|burp\s?suite|owasp\s?zap|zaproxy|jaeles|\bxray\b|\bgoby\b|pocsuite|\bxspider|metasploit|morfeus|zmeu|\bcommix|dalfox|xsstrike|\bxsser|jorgee|muieblackcat|\bfimap|\bparos\b|webscarab|thc.hydra|\(hydra\)|patator|cgichk|n-stealth|grendel-scan|sqlninja|bsqlbf|absinthe|pangolin|\bjsql|nosqlmap|tplmap|l9explore|l9tcpid|leakix|censysinspect|internet-?measurement|[\w)][_-]scanner\b|(?:security|vuln\w*|web|port|site|attack|exploit|network|xss|sqli?)[\s_-]?scan|\bscan(?:ner)?/\d|pentest|penetration\s?test|bug\s?bounty|\bexploit|detectify|probely|rapid7|nexpose|tenable|hello,?\s?world|custom-asynchttpclient|alittle\s+client|red\s?team)"

_DATABASE_CONSOLES = r"(?:php[-_]?my[-_]?admin[\w.-]{0,16}|pma\d{0,4}|mysql[-_]?admin|myadmin|dbadmin|sqladmin|phppgadmin|pgadmin\d?|adminer(?:[-_][\w.-]{1,20})?|sqlitemanager|websql|mysqlmanager|sqlmanager|sql-admin|phpmanager|rockmongo|mongo-express|_phpmyadmin|xampp|wamp)"

_CONSOLES = r"(?:adminer(?:[-_][\w.-]{1,20})?\.php|host-manager|jmx-console|web-console|admin-console|jolokia|heapdump|hystrix\.stream|_cat|_cluster|_nodes|_all_dbs|_utils|_search|_ignition|telescope/(?:requests|telescope-api|dashboard|commands|queries)|_debugbar|_profiler|__debug__|elmah\.axd|trace\.axd|crx/(?:de|explorer|packmgr|repository)|querybuilder\.json|axis2|cfide|railo-context|lucee|wls-wsat|_async|bea_wls[\w-]*|uddiexplorer|consolejndi\.portal|console\.portal|ws_utc|hawtio|graphiql|jmxinvokerservlet|ejbinvokerservlet|asynchpeople|v2/_catalog|containers/json|api/v1/(?:pods|namespaces|nodes)|v1/agent/self|druid/(?:index\.html|login\.html|indexer)|nacos|solr/(?:admin|\w+/(?:select|dataimport|config|debug))|manager/(?:html|text|status|jmxproxy)|actuator/(?:env|heapdump|trace|httptrace|mappings|beans|dump|threaddump|logfile|configprops|gateway|jolokia|shutdown|loggers|auditevents|sessions|refresh|restart)|jenkins/(?:script|login|computer)|hudson/script|securityrealm|descriptorbyname|scripttext|server-(?:status|info)|status\?full|system/console|felix/console|debug/pprof|debug/vars|h2-console|kubernetes-dashboard|invoker/\w+)"

_DEVICES = r"(?:hnap1|boaform|gponform|goform|setup\.cgi|login\.cgi|currentsetting\.htm|tmunblock\.cgi|evox|nmaplowercheck\d*|nice%20ports.*|trinity\.txt\.bak|ecp/(?:\w+\.(?:js|aspx)|default|current)|owa/(?:auth|\w+\.aspx)|autodiscover/autodiscover\.\w+|ews/\w+\.asmx|remote/(?:fgt_lang|login|logincheck|hostcheck_validate)|dana-(?:na|ws|cached)|[+ ]cscoe[+ ]|[+ ]cscot[+ ]|\+webvpn\+|global-protect|sslmgr|tmui|mgmt/(?:tm|shared)|vpns|vpn/(?:index\.html|\.\.)|netscaler|nitro/v1|logon/logonpoint|ui/vropspluginui|websso|vcac|hipreports|onvif|stalker_portal|isapi|videostream\.cgi|snapshot\.cgi|axis-cgi|webui/\w+|level/\d+/exec|ping\.ccp|backupmgt|rom-0|diag_form|apply\.cgi|soap\.cgi|moadmin\.php|hp/device|sap/bc|centreon|ispconfig|vtigercrm|zimbraadmin|a2billing|vicidial|freepbx|cgi-bin/(?:luci|nobody|jarrewrite\.sh|test-cgi|printenv|php\d?|viewcvs|awstats|supervisor|mainfunction|webproc|user|admin|authlogin|login|status|view|perl|sh|bash|\.|%|[\w-]+\.(?:sh|exe|asp|bat))[\w./-]*|device\.rsp|guest_auth|vpn_index|sslvpn_logon|php/login\.php|developmentserver|wanipcn\.xml|picsdesc\.xml|boafrm|cgi/\w+\.cgi)"

_WEAK = r"(?:eval-stdin\.php|phpunit|vendor/(?:phpunit|composer/installed\.json|laravel-filemanager)|thinkphp|struts2?-(?:rest-)?showcase|struts2-\w+|wp-file-manager|connector\.(?:minimal\.)?php|revslider|kcfinder/(?:upload|browse)\.php|fckeditor/editor/filemanager|ckfinder/(?:core/connector|userfiles)|uploadify(?:\.php|\.swf)|jquery-file-upload|wlwmanifest\.xml|setup-config\.php|magmi/web|downloader/index\.php|_vti_(?:bin|pvt|inf\.html|cnf)|_layouts/(?:15/)?(?:\.\.|settings|people|aclinv|mcontent|toolpane)\w*\.aspx|msadc|iisadmpwd|iissamples|iishelp|telerik\.web\.ui\.(?:dialog|spell)\w+\.axd|telerik\.web\.ui\.webresource\.axd\?type=rau|dialoghandler\.aspx|sitecore/(?:login|shell)|bitrix/admin|typo3/install|components/com_\w+/[\w/]+\.php|examples/(?:jsp|servlets)|servlet/(?:~|file)\w*|jbossmq-httpil|filemanager/(?:upload|dialog|browser)[\w./-]*|plugins/[\w-]+/(?:readme|changelog)\.txt|wp-json/wp/v2/users|changelog\.txt|install(?:er)?/?(?:index|install)?\.php|setup/(?:index|install|setup)\.php|sites/default/files/\w+\.php|core/install\.php|mt-(?:xmlrpc|upgrade|check)\.cgi|awstats(?:totals)?\.(?:pl|cgi|php)|awstats/awredir\.pl|webcalendar|cgi-sys|cgi-mod|cgi-local|scripts/(?:\.\.|root\.exe|setup\.php|perl|cgimail\.exe|samples)|invokefunction|bsh\.servlet\.\w+|ueditor/(?:net|php|jsp|asp)/controller\.\w+|kindeditor/(?:php|jsp|asp)/\w+|workrelate|e-mobile|weaver/bsh|seeyon/(?:thirdparty|htmlofficeservlet|management|ajax)\w*(?:\.do)?|general/index/uploadfile\.php|ispirit/im/upload\.php|mobile/api/api\.ali\.php|eoffice|tplus/sm|yyoa|createmysql|nc/servlet|api/jsonws/invoke|webtools/control/(?:xmlrpc|programexport|forgotpassword|main)|functionrouter|hoverfly/api|cdgserver3|aspera/faspex|pages/(?:createpage-entervariables|doenterpagevariables)\.action|ssl-vpn/\w+\.esp|my\.policy|cacti/remote_agent\.php|streaming/clients_live\.php|versa/login|webinterface/function|portal/redlion|debug/default/view|tomcatwar\.jsp|plus/(?:download|recommend|mytag_js)\.php|data/admin/allowurl\.txt|include/calendar/calendar-cn\.js|phpformbuilder|solarwinds/informationservice)"

SIGNALS = (
    _path("hidden_file", weight=6,
        pattern=r"/\.(?:env(?:[._-]\w+)*(?:$|[/~])|git(?:/|$|-credentials)|gitconfig|gitlab-ci|svn(?:/|$)|hg(?:/|$)|bzr(?:/|$)|cvs(?:/|$)|aws/|ssh(?:/|$)|docker(?:/|cfg|env|ignore)|kube/|npmrc|netrc|htaccess|htpasswd|ds_store|idea/|vscode/|bash(?:_\w+|rc)|zsh\w*|profile$|\w+_history|pgpass|my\.cnf|s3cfg|boto$|rediscli|travis|circleci|config/|local/|ftpconfig|remote-sync|ssl/|passwd|subversion|php_cs|phpunit|vimrc|viminfo|wp-config|mysql_history|well-known/(?:pki-validation/\w+\.php|acme-challenge/\w+\.php)|\w{1,20}\.sw[pon])",
        matches=("/.env", "/app/.git/config"), passes=("/.well-known/security.txt", "/environment")),
    _path("tool_folder", weight=5,
        pattern=r"/\.(?:claude|cursor\w*|aider[\w.-]*|continue|codeium|copilot|windsurf\w*|gemini|codex|cline\w*|roo\w*|mcp(?:\.json)?|ollama|openai|anthropic|tabnine|kiro|github|gitea|gitignore|gitattributes|gitmodules|husky|terraform\w*|tfstate|serverless|vercel|firebase\w*|ansible|vagrant|chef|puppet|gradle|m2|cargo|azure|gcloud|oci|gsutil|docker|podman|pypirc|yarnrc[\w.]*|pnpm\w*|composer|pip|condarc|python_history|psql_history|sqlite_history|irb_history|node_repl_history|rediscli_history|lesshst|wget-hsts|wgetrc|curlrc|ipython|jupyter|settings|project|classpath|buildpath|sublime[\w-]*|nbproject|bundle|rvm|rbenv|tox|venv|virtualenv|history|vs|fleet|zed|netbeans|eclipse|atom\w*|babelrc|eslintrc[\w.]*|prettierrc[\w.]*|stylelintrc[\w.]*|editorconfig|dockerenv|dockerignore|npm|nvmrc|env[\w.-]*|envrc|direnv|secrets?|credentials|keys?|token|password\w*|ssh_\w+|gnupg|gpg|pki|certs?|kube\w*|helm|aws\w*|boto|rclone\w*|netlify\.toml|netlify/(?:state|plugins|internal|deploy|build)[\w.-]*|drone\.yml|jenkins\w*|buildkite|bitbucket|woodpecker\.yml|appveyor\.yml|semaphore|codeclimate\w*|coveralls\.yml|sonar\w*|snyk|trivy\w*|phpstorm\w*|php-version|php-ini|user\.ini|cache|config|conf|db|database|backup|bak|old|log|logs|tmp|trash\w*|wp-\w+|muttrc|mailrc|forward|rhosts|shosts|xauthority|bashrc|profile|login|cshrc|tcshrc|inputrc|screenrc|tmux\.conf|nano\w*|emacs\w*|hgignore|hgrc|bzrignore|cvsignore|svnignore|p4config)(?:$|[/~?]|\.(?:json|ya?ml|toml|lock|md|bak|old|local|key|log|db|xml|ini|conf|cfg|txt|php|js|py|rb|zip|tar|gz)\w*)",
        matches=("/.claude/settings.json", "/app/.terraform/terraform.tfstate"), passes=("/.well-known/claude", "/cursor/settings")),
    _path("dot_folder", weight=2.6,
        pattern=r"^/{1,2}(?:[\w~%-]{1,30}/){0,5}\.(?:[b-mo-vx-z_]|n[a-df-z]|w[a-df-z]|a[a-tv-z])[\w-]{1,30}(?:$|/|\.)",
        matches=("/.unknown/a", "/api/.hidden"), passes=("/.well-known/a", "/a/b.c")),
    _path("dot_folder_secret", weight=2,
        pattern=r"/\.[\w-]{2,30}/(?:[\w.-]{1,40}/)+[\w.-]{1,60}$|/\.[\w-]{2,30}(?:/[\w.-]{1,40}){0,3}(?:/|\.)(?:config|settings?|credentials?|secrets?|auth|token|history|state|session|hosts|keys?|env|log|db|sqlite|memory|mcp|agents?|rules|instructions|prompts?|commands?|chat\w*|cache|index|data|workspace|projects?|launch|tasks)(?:\.\w{1,8}){0,2}$|/\.[\w-]{2,30}/[\w.-]{0,40}\.(?:json|ya?ml|toml|lock|key|pem|log|db|sqlite3?|conf|cfg|ini|mdc?|jsonl|txt|sh|properties|local)$|/\.[\w-]{2,30}\.(?:json|ya?ml|toml|lock|log|jsonl|local|conf|md)$",
        matches=("/.unknown/config.json", "/.thing/credentials"), passes=("/.well-known", "/a/config.json")),
    _path("build_file", weight=4,
        pattern=r"/(?:thumbs\.db|desktop\.ini|docker-compose[\w.-]{0,20}\.ya?ml|jenkinsfile|vagrantfile|procfile|gemfile(?:\.lock)?|pipfile(?:\.lock)?|poetry\.lock|composer\.(?:json|lock)|yarn\.lock|package-lock\.json|pnpm-lock\.yaml|(?:gulp|grunt)file\.js|webpack\.config\.js|[\w-]{1,20}\.tf(?:state|vars)(?:\.backup)?|(?:claude|agents|gemini|copilot-instructions|cursorrules|windsurfrules)(?:\.local)?\.md|mcp\.json|settings\.local\.json|ansible\.cfg|hosts\.ini|azure-pipelines\.yml|bitbucket-pipelines\.yml|cloudbuild\.yaml|serverless\.ya?ml|sonar-project\.properties|\.?[\w.-]{1,40}\.sw[k-p]|[\w.-]{1,40}\.(?:rej|orig)|[\w-]{1,30}\.(?:kdbx|ovpn|ppk|pem|pfx|p12|jks|keystore)|(?:history|sessions?|conversations?|transcripts?)\.jsonl?|(?:travis|gitlab-ci|appveyor|circle|buildspec|codecov|drone|wercker|netlify|vercel|now|firebase|fly|render|railway|helmfile|kubeconfig|values|inventory|playbook|ansible|skaffold|docker-stack|supervisord|phpunit|phpstan|psalm|nginx|haproxy|redis|my|pg_hba|postgresql)\.(?:ya?ml|json|toml|xml|conf|cnf|neon|dist)|kubeconfig|[\w-]{0,30}(?:passwords?|credentials?|secrets?|tokens?|api_?keys?)\.(?:txt|csv|json|xlsx?|ya?ml|xml|zip|gpg|ini|bak|old)|id_(?:rsa|dsa|ecdsa|ed25519)(?:\.\w{2,4})?|\w{2,16}_history|#[\w.-]{1,40}#|\.#[\w.-]{1,40}|[\w-]{1,30}\.(?:map\.bak|phps)|sess_[a-z0-9]{8,40}|lcov\.info|(?:database|db|backups?|dump|export|sql|mysql|site|www|prod\w*)[_.-]?\d{1,8}[\w.-]{0,20}\.(?:7z|zip|rar|tar|tgz|tar\.\w{2,3}|gz|bz2|xz|zst)|[\w.-]{1,40}\.(?:dmp|mdmp|stackdump|phd)|[\w.-]{1,40}\.(?:php\d?|aspx?|jsp|py|rb|inc|ya?ml|json|conf|config|ini|env|xml|sh|js|sql)(?:_(?:bak|old|backup|orig|copy)|[.-](?:backup|old|orig|save|bak|copy|\d{1,8})))$",
        matches=("/app/CLAUDE.md", "/src/composer.lock"), passes=("/docs/docker-compose-tips.html", "/package.json")),
    _path("any_log", weight=3,
        pattern=r"/[\w.-]{1,60}\.log$",
        matches=("/a/b.log", "/x.log"), passes=("/blog", "/a.log/b")),
    _path("rotated_log", weight=4,
        pattern=r"/[\w.-]{0,60}[._-]log(?:[._-]?\d{1,8}|\.gz|\.zip|\.bz2|\.xz|\.old|\.bak|\.txt|~){1,3}$|/[\w.-]{0,40}\d{4}[._-]?\d\d[._-]?\d\d[\w.-]{0,10}\.log(?:\.\w{1,3})?$|/logs?/[\w./-]{0,60}\.(?:log|out|err|txt|gz|\d)$",
        matches=("/a/b.log.1", "/x-2026-01-02.log"), passes=("/blog.1", "/logs/")),
    _path("stray_log", weight=4.5,
        pattern=r"(?:^|/)(?:[\w-]{0,30}[_.-])?(?:errors?|access|debug|laravel|production|development|staging|npm-debug|yarn-error|install|catalina|application|app|apps|server|php|php_?errors?|trace|mail|cron|audit|system|sql|query|slow|django|celery|gunicorn|uwsgi|nginx|apache2?|httpd|php-fpm|fpm|firebase-debug|lerna-debug|pm2|stdout|stderr|console|output|out|logs?|symfony|prod|dev|test|wp|wordpress|drupal|magento|exception|exceptions|payment|queue|worker|scheduler|auth|security|deploy|build|backup|ftp|vsftpd|sftp|ssh|boot|kern|messages|user|users|mysql|mysqld|postgres\w*|redis|mongod?|rails|puma|sidekiq|unicorn|node|tomcat|jboss|spring|hs_err_pid\d+)(?:[._-][\w-]{1,20}){0,3}\.log(?:\.\d{1,8}|\.gz|\.old|\.bak|\.zip|[.-]\d{4}-?\d\d-?\d\d(?:\.gz)?|~)?$|/(?:[\w-]{1,30}[_.-])?(?:errors?|access|debug|laravel|npm-debug|yarn-error|catalina|php_?errors?|production|development|exception|audit|slow|query)[\w.-]{0,30}\.(?:log|out|err|trace)(?:[.-][\w-]{1,20}){0,3}$|/(?:nohup\.out|hs_err_pid\d+\.\w+|error_log|access_log|errorlog|php_errorlog|core\.\d{2,7}|core-dump|coredump[\w.]{0,20}|[\w.-]{1,40}\.(?:hprof|dmp|mdmp|rdb|bson|stackdump|keystore|jks|sqlitedb)(?:\.\w{2,3})?|(?:dump|database|db|mysql|mysqldump|postgres|pg_?dump|backup|export|users|prod\w*|data|site|all|full|schema|localhost)[\w.-]{0,30}\.(?:sql|dump|dmp|sqlite3?|db|mdb|bson|csv|bak|pgsql|psql)(?:\.(?:gz|zip|bz2|xz|7z|tgz|tar|zst))?)$|(?:^|/)[\w.-]{0,40}\.(?:sql|dump|bak|sqlite3?|pgsql|psql|mdb|bson|rdb)\.(?:gz|zip|bz2|xz|7z|zst|tar|tgz|rar)$|/(?:(?:db|database|sql|mysql|pg|postgres|mongo|redis|site|full|prod|data)[_.-]?(?:dump|backup|bak|export|snapshot)|dump|mysqldump|pg_?dump|dbdump)[\w.-]{0,24}\.(?:7z|zip|rar|tar|tgz|tar\.gz|tar\.bz2|tar\.xz|gz|bz2|xz|zst)$|/storage/logs/[\w.-]+$|/(?:var|logs?|tmp)/[\w./-]{0,40}\.log$",
        matches=("/storage/logs/laravel.log", "/app/debug.log", "/dump.rdb", "/db_backup_2025.sql.gz"),
        passes=("/logs/", "/blog/error-log-explained", "/wood/log.html")),
    _path("backup_of_code", weight=4.5,
        pattern=r"/[\w.-]{1,60}\.(?:php\d?|aspx?|jsp|env|config|conf|cfg|ini|inc|yml|yaml|py|rb|htaccess|properties)\.?(?:~|\.?(?:bak|old|orig|save|swp|swo|backup|copy|tmp|1|dist|sample|zip|tar|gz|tgz|rar|7z))$|/[\w.-]{1,40}\.php~$|[\w/]\.(?:inc|old|orig|bak|save|backup)$",
        matches=("/index.php.bak", "/config.yml~"), passes=("/index.php", "/docs/backup.html")),
    _path("backup_of_site", weight=4.2,
        pattern=r"^/(?:(?:[\w-]{1,20}/)?(?:backups?|db|dump|database|public_html|wwwroot|htdocs|mysql|sql|bak|db_backup|dbdump|[\w-]{1,20}\.(?:com|net|org))|site|sites|www|web|html|website|wordpress|wp|data|old|full|archive|release|src|source|code|config|localhost|users|admin|test|1|2|a|root)(?:[_-]?(?:backup|bak|old|db|\d{1,8}))?\.(?:zip|tar|tar\.gz|tgz|gz|rar|7z|sql|sql\.gz|bak|mdb|sqlite3?|db|dump|tar\.bz2)$|^/[\w./-]{1,60}\.(?:sqlite3?|mdb|pem|pfx|p12|kdbx|ovpn|swp|sql|bak)$",
        matches=("/backup.zip", "/shop.sql"), passes=("/downloads/manual.zip", "/files/catalog-2026.pdf")),
    _path("settings_file", weight=4.5,
        pattern=_NEAR_ROOT + r"(?:wp-config|config\.inc|settings|database|parameters|secrets?|credentials|application(?:-\w+)?|appsettings(?:\.\w+)?|local_?settings|connectionstrings?|phpinfo|php_?info|infophp|pinfo|sftp-config|ftp-sync|deployment-config|docker-compose(?:\.\w+)?|serverless|firebase|google-services|client_secrets?|aws(?:-credentials)?|service-account\w*|web|key|keys|private|sftp|ftp)(?:\.php\.?\w*|\.inc|\.config|\.ya?ml|\.ini|\.properties|\.lock|\.toml|\.env|\.conf|\.cfg)$|" + _NEAR_ROOT + r"(?:id_rsa|id_dsa|id_ed25519|authorized_keys|phpinfo(?:\.php)?|dockerfile|vagrantfile|procfile|sftp-config\.json|appsettings\.json|credentials\.json|credentials|secrets\.json|composer\.(?:lock|phar)|gruntfile\.js|php\.ini|my\.ini|web\.config|global\.asax?|info\.php|test\.php|i\.php|pi\.php|php\.php|debug\.php|wp-config\.php|configuration\.php|localconfig\.php|htpasswd|passwd|shadow)(?:$|[/?~])",
        matches=("/wp-config.php", "/api/appsettings.json"), passes=("/settings", "/blog/web-config-explained")),
    _path("database_console", weight=4.5,
        pattern=r"^/{1,2}" + _DATABASE_CONSOLES + _END + r"|" + _NEAR_ROOT + _DATABASE_CONSOLES + r"/(?:index|setup|main|sql|db_\w+|import|export|url|scripts|version_check|doc|changelog)(?:[./]|$)",
        matches=("/phpmyadmin/", "/tools/pma/index.php"), passes=("/blog/phpmyadmin/", "/pmac/")),
    _path("console", weight=4.5,
        pattern=_NEAR_ROOT + _CONSOLES + _END,
        matches=("/actuator/env", "/manager/html"), passes=("/actuator/health", "/docs/solr")),
    _path("device", weight=5,
        pattern=r"^/{1,2}(?:[\w.~%-]{1,30}/)?" + _DEVICES + _END,
        matches=("/HNAP1/", "/cgi-bin/luci"), passes=("/owatrol/", "/cgi-bin/search.cgi")),
    _path("weak_code", weight=5,
        pattern=_NEAR_ROOT + r"(?:[\w.~%-]{1,40}/){0,5}" + _WEAK + _END,
        matches=("/api/jsonws/invoke", "/seeyon/thirdpartyController.do", "/vendor/phpunit/phpunit/eval-stdin.php", "/wlwmanifest.xml"), passes=("/maps/geoserver/wms", "/vendor/list", "/readme.txt")),
    _path("common_console", weight=2,
        pattern=r"^/(?:solr|jenkins|hudson|jupyter|weblogic|portainer|rundeck|zeppelin|activemq|rabbitmq|sonarqube|websphere|jboss|druid|kibana|grafana|prometheus|consul|airflow|teamcity|bamboo|sonar|nexus|artifactory|console|manager|metrics|swagger(?:-ui)?(?:\.html|\.json)?|api-docs|actuator|env|trace|script|shell|xmlrpc\.php|wp-login\.php|timthumb\.php|zimbra|horde|roundcube|squirrelmail|cacti|zabbix|cpanel|webmin|plesk|phpinfo|wp-admin/install\.php|nagios3?|wordpress|wp|drupal|blog/wp-login\.php|old|backup|test|dev|cgi-bin|setup\.php|install\.php|config\.json|config\.php|configuration)" + _END,
        matches=("/jenkins/", "/xmlrpc.php"), passes=("/jenkins-ci", "/blog/console")),
    _path("wordpress_inside", weight=4,
        pattern=r"/wp-includes/[\w/-]*\.php|/wp-content/(?:plugins|themes)/[\w/-]{1,80}(?:upload|shell|connector|ajax-?upload|download|export|import|proxy)[\w-]*\.php|/xmlrpc\.php\?rsd|/wp-(?:load|settings|mail|blog-header|cron-?\w+)\.php$",
        matches=("/wp-includes/a.php", "/wp-content/plugins/x/upload.php"),
        passes=("/wp-includes/js/jquery.js", "/wp-content/themes/site/style.css")),
    _path("admin_page", weight=1.5,
        pattern=r"^/(?:admin(?:istrator)?|admin\d|cms|cpanel|webadmin|siteadmin|adminpanel|admin_area|bb-admin|moderator|controlpanel|backend|backoffice|phpadmin|superadmin|root|sysadmin|user/login|login\.(?:php|aspx?|jsp|do|cgi|action))(?:/|\.php|$)",
        matches=("/admin/", "/administrator/index.php"), passes=("/administration-fees", "/my/admin")),
    _path("unlikely_script", weight=2,
        pattern=r"^/\w{5,10}\d{1,4}\.(?:php\d?|jspx?|aspx?|cgi|idc|htr|ida|printer|idq|exe|dll|pl)(?:$|/)|\.(?:idc|htr|ida|idq|printer|htw|stm|nsf|mdb)/?$|^/[\w/-]{1,40}/\w+\.(?:dll|exe)(?:\?|$|/)",
        matches=("/default.ida", "/qwerty12.php"), passes=("/order.php", "/2026/07/page.html")),
    _path("repeated_names", weight=2.5,
        pattern=r"/(?:descriptorbyname|securityrealm|checkscript)/|/org\.jenkinsci\.|\.action(?:%20|\s|;|/)|\.(?:jsp|php|asp)::\$data",
        matches=("/a/securityRealm/b", "/x.jsp::$DATA"), passes=("/security/realm/", "/a.action")),
    _path("tool_artefact", weight=5,
        pattern=r"(?:nessus|acunetix|\bnikto|openvas|netsparker|sqlmap|\.nasl\b)",
        matches=("/nessus-check", "/acunetix_wvs"), passes=("/wellness", "/nikon-lenses")),
    _any("tool_artefact_in_value", weight=4, kinds="vr",
        pattern=r"\b(?:nessus|acunetix|nikto|openvas|netsparker|appscan|sqlmap|w3af|arachni|skipfish)\b|\.nasl\b|\bevil\.\w{2,4}\b|\battacker\.\w{2,4}\b",
        matches=("q=sqlmap", "url=//evil.com"), passes=("q=evil+twin", "q=nikon")),
    _agent("tool_agent", weight=7,
        pattern=_TOOLS,
        matches=("sqlmap/1.7", "Mozilla/5.0 (compatible; Nmap Scripting Engine)"),
        passes=("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "curl/8.4.0")),
    _agent("exploit_agent", weight=5,
        pattern=r"@(?:[\w-]+\.)?(?:oast|interact|burpcollab)|nasl\b|<\?php|<script|union\s+select|\b(?:wget|curl)\s+(?:-|https?:|[a-z][\w-]*\.)",
        matches=("wget http://h.example/a", "a@x.oast.fun"), passes=("curl/7.88.1", "Wget/1.21.3")),
)  # fmt: skip
