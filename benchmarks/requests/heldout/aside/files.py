"""Dot folders of tools and assistants, stray logs and dumps, and folders that sites mean to serve: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.file_rules import RULES
from benchmarks.requests.heldout.grammar import Group

group = Group("stray_files", RULES)
attack, benign = group.attack, group.benign

attack(
    "rare_assistants",
    "‹@base›.‹cline/‹@tok›.json¦clinerules¦cursorrules¦windsurfrules¦aws/amazonq/‹mcp.json¦cli-agents/‹@tok›.json›¦qodo/‹@tok›.toml¦zed/settings.json¦kiro/‹settings/mcp.json¦steering/‹@tok›.md›¦goose/config.yaml¦amp/settings.json¦tabnine/‹@tok›.json¦sourcegraph/‹@tok›.json¦openai/‹@tok››",
    "p",
)
attack(
    "memory_and_cores",
    "‹@base›‹heapdump¦core¦java_pid‹@n›¦heap-‹@date›¦memory¦crash¦minidump›‹¦-‹@n››.‹hprof¦dmp¦core¦mdmp¦heapsnapshot¦‹@n››",
    "p",
)
attack(
    "editor_remains",
    "‹@base›‹.‹@tok›¦wp-config¦config¦settings¦index¦database¦web›.‹php¦py¦inc¦yml¦config¦xml›‹~¦.swp¦.swo¦.bak¦.orig¦.save¦.old¦.rej¦.‹@n›¦_bak¦.un~›",
    "p",
)

benign("dotted_names", "‹@noun›/v.‹@n›.‹env-friendly¦gitter¦logo¦sqlite-course¦bakery¦dumplings›‹-‹@city›¦›", "p")
benign(
    "feeds_and_maps",
    "‹sitemap¦feed¦rss¦robots¦manifest¦humans›‹-‹@topic›¦_‹@n›¦-‹@date››.‹xml¦xml.gz¦json¦txt¦webmanifest›",
    "p",
)
