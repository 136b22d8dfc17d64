"""Paths that scanners request: secrets, repositories, backups, consoles.

Sources: paths in published honeypot logs (SANS ISC, GreyNoise tags), SecLists and dirb wordlists, WPScan's and nuclei's
documentation. Payloads are in the other modules.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

from simulator.web.site import Site
from simulator.web.words import identifier

SECRETS = """\
/.env /.env.local /.env.production /.env.prod /.env.dev /.env.example /.env.bak /.env.old /.env.save /.env~ /.env.backup /.env.staging /.env.1
/.env_sample /.environment /env.js /config.js /config.json /settings.py /appsettings.json /wp-config.php.bak /wp-config.php~ /wp-config.php.save
/wp-config.txt /config.php.bak /configuration.php-dist /.aws/credentials /.aws/config /aws.json /credentials.json /secrets.yml /config/database.yml
/config/secrets.yml /.npmrc /.dockerenv /docker-compose.yml /.docker/config.json /phpinfo.php /info.php /php_info.php /_profiler/phpinfo
/server-status /web.config /.htpasswd /.htaccess /id_rsa /.ssh/id_rsa /.ssh/authorized_keys /service-account.json /firebase.json /sendgrid.env
/.vscode/sftp.json /sftp-config.json /.ftpconfig /.bash_history /.netrc /.git-credentials /.kube/config /terraform.tfstate /.travis.yml /Dockerfile
/package.json /composer.json /composer.lock /.well-known/../.env /laravel.log /storage/logs/laravel.log /debug.log /error_log""".split()

SECRET_FOLDERS = ("", "", "", "/api", "/app", "/backend", "/laravel", "/admin", "/core", "/src", "/public", "/web", "/dev", "/staging", "/portal",
    "/crm", "/new", "/old", "/vendor", "/lib", "/cms", "/beta", "/shop", "/server", "/v1", "/apps", "/website", "/html", "/current", "/config",
    "/cron", "/docker", "/system", "/wp-content", "/blog")

REPOSITORIES = """\
/.git/config /.git/HEAD /.git/index /.git/logs/HEAD /.git/refs/heads/master /.git/refs/heads/main /.git/COMMIT_EDITMSG /.git/description /.gitignore
/.gitlab-ci.yml /.github/workflows/deploy.yml /.svn/entries /.svn/wc.db /.hg/hgrc /.bzr/branch/branch.conf /CVS/Entries /.DS_Store
/.idea/workspace.xml /.git/objects/info/packs /.git/packed-refs /.git/FETCH_HEAD""".split()

CONSOLES = """\
/phpmyadmin/ /phpMyAdmin/index.php /pma/ /mysql/ /adminer.php /dbadmin/ /myadmin/ /manager/html /host-manager/html /solr/admin/info/system
/solr/admin/cores /actuator /actuator/health /actuator/env /actuator/gateway/routes /actuator/heapdump /jenkins/login /script
/console/login/LoginForm.jsp /wls-wsat/CoordinatorPortType /_async/AsyncResponseService /invoker/JMXInvokerServlet /jmx-console/ /web-console/
/druid/index.html /nacos/v1/auth/users /geoserver/web/ /grafana/login /kibana /app/kibana /_cat/indices /_search /telescope/requests
/horizon/api/stats /_debugbar/open /adminpanel/ /administrator/ /admin.php /login.action /server-info /balancer-manager /haproxy?stats /portainer/
/v2/_catalog /api/v1/pods /containers/json /ecp/Current/exporttool/microsoft.exchange.ediscovery.exporttool.application /axis2/axis2-admin/
/cfide/administrator/index.cfm /elmah.axd /trace.axd /hudson /zabbix/index.php /nagios/ /cacti/graph_view.php /webmin/ /cpanel /whm""".split()

APPLIANCES = """\
/remote/login /remote/fgt_lang /dana-na/auth/url_default/welcome.cgi /dana-na/nc/nc_gina_ver.txt /global-protect/login.esp
/global-protect/portal/css/login.css /vpn/index.html /logon/LogonPoint/tmindex.html /+CSCOE+/logon.html /+CSCOL+/Java.jar /owa/auth/logon.aspx
/owa/auth/x.js /ecp/default.flt /autodiscover/autodiscover.json /sslvpn_logon.shtml /cgi-bin/authLogin.cgi /cgi-bin/config.exp /HNAP1/ /hnap1
/boaform/admin/formLogin /goform/webLogin /tmUnblock.cgi /onvif/device_service /ISAPI/Security/users /System/configurationFile
/cgi-bin/viewer/video.jpg /doc/page/login.asp /login.cgi /setup.cgi /tmui/login.jsp /mgmt/tm/util/bash /ui/login /sdk /evox/about /sslmgr /webfig/
/aaa9 /aab8 /aaaaaaaaaaaaaaaaaaaaaaaaaqr /ab2g /ab2h /teorema505 /t4 /zabbix/favicon.ico /webui/ /cgi/networkDiag.cgi /SDK/webLanguage /SiteLoader
/mPlayer /nmaplowercheck1763 /restconf/data /versa/login /api/sonicos/auth /wsman /rest/v1/AccountService/Accounts /redfish/v1/
/Telerik.Web.UI.WebResource.axd""".split()

API_DOCUMENTS = """\
/swagger.json /swagger-ui.html /swagger-ui/index.html /swagger/v1/swagger.json /api/swagger.json /v1/swagger.json /v2/api-docs /v3/api-docs
/openapi.json /openapi.yaml /api-docs /api/docs /docs /redoc /graphql /api/graphql /graphiql /playground /altair /v1/graphql /console /api /api/v1
/api/v2 /api/v3 /rest /rest/api/2/serverInfo /api/users /api/v1/users /api/admin /api/internal /api/debug /api/config /api/env /api/health /api/status
/api/version /api/keys /api/tokens /api/private /wsdl /service?wsdl /soap /odata /jsonapi /metrics /debug/pprof/ /debug/vars
/.well-known/openid-configuration /v2/internal/users /v2/admin /v2/debug""".split()

CMS = """\
/administrator/index.php /administrator/manifests/files/joomla.xml /language/en-GB/en-GB.xml /components/com_jce/jce.php /CHANGELOG.txt
/core/CHANGELOG.txt /core/install.php /misc/drupal.js /sites/default/settings.php.bak /user/login?_format=json /magento_version /downloader/index.php
/app/etc/local.xml /app/etc/env.php /RELEASE_NOTES.txt /rss/catalog/notifystock/ /admin/Cms_Wysiwyg/directive/index/ /js/mage/adminhtml/hash.js
/typo3/ /typo3conf/localconf.php /bitrix/admin/ /umbraco/ /sitecore/shell/ /sitefinity/status /concrete/config/ /craft/ /index.php/admin/
/opencart/admin/ /vtigercrm/ /admin/config.php /moodle/login/index.php /phpbb/ucp.php /ucp.php?mode=register /member.php?mod=register /wp-login.php
/wp-admin/install.php /wp-admin/setup-config.php /xmlrpc.php /wp-includes/wlwmanifest.xml /wp/wp-includes/wlwmanifest.xml
/wordpress/wp-includes/wlwmanifest.xml /site/wp-includes/wlwmanifest.xml /cms/wp-includes/wlwmanifest.xml /wp1/wp-includes/wlwmanifest.xml
/test/wp-includes/wlwmanifest.xml /2020/wp-includes/wlwmanifest.xml /shop/wp-includes/wlwmanifest.xml /sito/wp-includes/wlwmanifest.xml""".split()

WORDPRESS = """/wp-config.php.bak /wp-login.php /xmlrpc.php /wp-json/wp/v2/users/ /wp-cron.php /wp-content/uploads/ /readme.html
/license.txt /wp-content/backup-db/ /.wp-config.php.swp""".split()

ORDINARY_WORDS = (
    "about about-us account ads api app apps archive archives article articles assets blog books browse cart catalog categories category check checkout client clients company contact contact-us content css customers data default demo docs download downloads en events faq faqs features feed feedback fonts forum forums gallery games "
    "help home icons image images img index info intro items jobs js legal links list live locations logo magazine mail main map maps media member members menu misc mobile music new news newsletter offers online order orders page pages partners pdf people photo photos pictures play policy portal press prices print privacy products profile "
    "projects promo public publications register reports research resources results reviews rss sale sales samples search security service services share shop shopping site sitemap specials sports staff start static stats store stories stuff style styles subscribe support system tags team terms themes tools top topics tour training travel "
    "updates upload uploads user users video videos view weather web webmaster welcome wiki work www zoom"
).split()
"""The beginning of every wordlist; ordinary visitors may request these as well."""

HIDDEN_WORDS = (
    "admin admin1 admin_area admin-login adm administration administrator backup backups bak beta bin cgi cgi-bin cgi-sys conf config configs console controlpanel cpanel cron database db dbase debug dev devel dump dumps error_log etc export exports ftp hidden htdocs include includes install installer internal jenkins lib library local log "
    "logfile logs mailman manage management manager master mysql old old_site oldsite panel passwd password passwords phpadmin php-info phpmyadmin private priv restricted root sandbox script scripts secret secrets secure server server-status setup shell source sql sqladmin src staging stage svn sysadmin temp template templates test test1 testing tests "
    "tmp trace upgrade usr util var vendor webadmin webalizer webapp webmail webstats wp wp-admin wp-content wp-includes wwwroot xampp xmlrpc zip _admin _backup _config _db _dev _old _private _vti_bin _vti_pvt .backup .cache .config .cvs .htaccess .htpasswd .listing .mysql_history .passwd .profile .sh_history .ssh .subversion .svn .swf .web"
).split()

EXTENSIONS = ("", "/", ".php", ".bak", ".old", ".txt", ".asp", ".aspx", ".jsp", ".zip", ".tar.gz", ".sql", ".inc", ".conf", ".log", "~", ".swp",
    ".html", ".json", ".xml")

_ORDINARY_EXTENSIONS = ("", ".html", ".php", ".json", ".xml", ".txt")

ORDINARY_DOCUMENTS = ("/docs", "/api", "/api/docs", "/rest", "/redoc", "/api/status", "/api/version", "/api/health", "/console")
"""Of API_DOCUMENTS, those that a curious developer also requests."""

PLUGINS = (
    "akismet contact-form-7 elementor woocommerce wordpress-seo jetpack wordfence classic-editor really-simple-ssl litespeed-cache updraftplus all-in-one-wp-migration wpforms-lite google-site-kit duplicate-page wp-super-cache redirection wp-mail-smtp loginizer revslider duplicator js_composer essential-addons-for-elementor-lite "
    "ninja-forms tablepress mailpoet wp-file-manager easy-wp-smtp yith-woocommerce-wishlist w3-total-cache better-wp-security popup-maker the-events-calendar buddypress bbpress nextgen-gallery wp-statistics advanced-custom-fields social-warfare wp-gdpr-compliance simple-file-list wpdiscuz form-maker instagram-feed"
).split()


def secret(rng: Random) -> str:
    return rng.choice(SECRET_FOLDERS) + rng.choice(SECRETS)


def wordlist_entry(rng: Random) -> str:
    """A word with an extension."""
    return f"/{rng.choice(HIDDEN_WORDS if rng.random() < 0.5 else ORDINARY_WORDS)}{rng.choice(EXTENSIONS)}"


def gives_away(path: str) -> bool:
    """Whether only scanners ask for this: not for an ordinary word, with an extension that a page may have."""
    word, dot, extension = path.rsplit("/", 2 if path.endswith("/") else 1)[1].partition(".")
    return path not in ORDINARY_DOCUMENTS and (word not in ORDINARY_WORDS or dot + extension not in _ORDINARY_EXTENSIONS)


def backup(rng: Random, site: Site) -> str:
    """Archives named after the site, its host, a date, or nothing in particular."""
    name = site.apex.split(".")[0]
    stem = rng.choice((name, site.apex, site.www, f"{name}_db", "backup", "www", "site", "public_html", "htdocs", "wwwroot", "database", "db", "dump",
        "mysql", "sql", "data", "web", "website", "old", "1", "archive", "full", "prod", f"{name}-{rng.choice((2024, 2025, 2026))}",
        f"backup-{rng.choice((2024, 2025, 2026))}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}", "bak", "latest", "home", "code", "upload"))
    return f"{rng.choice(('', '', '/backup', '/backups', '/old', '/bak', '/db', '/files', '/sql'))}/{stem}.{rng.choice(('zip', 'tar.gz', 'rar', 'sql', 'sql.gz', '7z', 'tgz', 'bak', 'tar', 'sql.zip', 'gz', 'tar.bz2', 'mdb', 'sqlite3'))}"


def random_missing(rng: Random) -> str:
    """What tools ask first to learn how the site says that something is missing."""
    return "/" + identifier(rng, rng.randrange(8, 33), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") + rng.choice(("", "", ".php",
        "/", ".html"))
