"""Dot folders of tools and assistants, stray logs and dumps, and folders that sites mean to serve."""

from __future__ import annotations

from benchmarks.requests.heldout.file_rules import RULES
from benchmarks.requests.heldout.grammar import Group

group = Group("stray_files", RULES)
attack, benign = group.attack, group.benign

attack(
    "assistants",
    "‹@base›.‹cursor/‹mcp.json¦rules¦rules/‹@tok›.mdc¦environment.json›¦claude/‹settings.json¦settings.local.json¦CLAUDE.md¦agents/‹@tok›.md›¦aider.‹conf.yml¦chat.history.md¦input.history›¦continue/config.‹json¦yaml›¦windsurf/‹rules¦mcp_config.json›¦codex/‹auth.json¦config.toml›¦gemini/‹settings.json¦oauth_creds.json›¦roo/mcp.json¦github/copilot-instructions.md›",
    "p",
)
attack(
    "tool_folders",
    "‹@base›.‹vscode/‹sftp.json¦launch.json¦tasks.json¦settings.json›¦idea/‹workspace.xml¦dataSources.xml¦webServers.xml¦deployment.xml›¦circleci/config.yml¦terraform/terraform.tfstate¦serverless/‹@tok›.json¦vercel/project.json¦netlify/state.json¦docker/config.json¦kube/config¦npm/_logs/‹@tok›.log¦pulumi/‹@tok›.json¦ansible/vault_pass›",
    "p",
)
attack(
    "version_control",
    "‹@base›.‹git/‹HEAD¦index¦logs/HEAD¦refs/heads/‹main¦master¦‹@tok››¦packed-refs¦COMMIT_EDITMSG¦objects/info/packs›¦svn/‹entries¦wc.db¦pristine/‹@tok››¦hg/‹store/00manifest.i¦hgrc¦dirstate›¦bzr/‹README¦branch/branch.conf›¦jj/repo/store/type›",
    "p",
)
attack(
    "dumps",
    "‹@base›‹dump¦backup¦db¦database¦mysql¦users¦export¦‹@tok›¦site›‹¦-‹@date›¦_‹@n››.‹sql¦sql.gz¦sql.zip¦bak¦mdb¦sqlite3¦dump¦pgsql¦tar.gz¦7z›",
    "p",
)
attack(
    "stray_logs",
    "‹@base›‹logs/¦log/¦var/log/¦storage/logs/¦›‹error¦debug¦access¦npm-debug¦yarn-error¦laravel¦php_errors¦production¦catalina¦hs_err_pid‹@n››‹¦-‹@date››.‹log¦log.1¦log.gz¦log.old›",
    "p",
)
attack(
    "dot_credentials",
    "‹@base›.‹env‹.‹local¦prod¦production¦bak¦old¦save¦‹@tok››¦~¦_‹@tok››¦npmrc¦pypirc¦netrc¦pgpass¦my.cnf¦s3cfg¦boto¦git-credentials¦htpasswd‹¦.bak›¦ftpconfig¦dockercfg¦bash_history¦zsh_history¦python_history¦psql_history¦ssh/‹id_ed25519¦id_rsa¦authorized_keys¦known_hosts››",
    "p",
)

benign(
    "well_known",
    "‹¦de/¦‹@tok›/›‹.well-known/‹security.txt¦assetlinks.json¦apple-app-site-association¦openid-configuration¦change-password¦acme-challenge/‹@tok›‹@n›¦webfinger¦nodeinfo¦matrix/client››",
    "pp",
)
benign(
    "articles",
    "‹blog/¦guide/¦›‹git-config¦env-files¦ssh-keys¦backup¦sql-dump¦cursor-rules¦vscode-settings¦log-files¦docker-compose¦terraform-state›-‹explained¦for-beginners¦tips¦in-‹@n›-minutes›‹¦.html¦/›",
    "pp",
)
benign("downloads", "‹download/¦files/¦media/¦›‹@noun›-‹@adj›-‹@date›.‹zip¦tar.gz¦pdf¦csv¦xlsx¦7z›", "p")
benign("versioned_assets", "‹assets/¦static/¦js/›‹@noun›.‹@n›‹@tok›.‹min.js¦css¦js.map¦woff2¦chunk.js›", "p")
benign(
    "log_words",
    "‹logbook¦changelog¦catalog¦blogs¦dialog¦backups-explained¦database-guide›/‹@topic›/‹@n›‹¦.html¦.json›",
    "p",
)
