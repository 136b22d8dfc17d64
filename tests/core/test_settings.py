"""Where settings come from, what is remembered, and how a wrong one is reported."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from platform_assets.core.secrets import SecretError, hash_key, signing_key, ui_token
from platform_assets.settings import Settings, SettingsError, load_settings, remember


def test_the_environment_beats_the_file_of_the_home_and_arguments_beat_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(load_settings(tmp_path), cloudfront_raw="/from/file", engine="local[1]")
    assert load_settings(tmp_path).cloudfront.raw == "/from/file"
    monkeypatch.setenv("WEIR_CLOUDFRONT_RAW", "/from/environment")
    assert load_settings(tmp_path).cloudfront.raw == "/from/environment"
    assert load_settings(tmp_path, cloudfront_raw="/argument").cloudfront.raw == "/argument"
    assert load_settings(tmp_path).engine == "local[1]"


def test_remembering_one_value_keeps_the_others_and_odd_characters(tmp_path: Path) -> None:
    remember(load_settings(tmp_path), cloudfront_raw="/a folder/it's #1")
    remember(load_settings(tmp_path), engine="sail")
    assert load_settings(tmp_path).cloudfront.raw == "/a folder/it's #1"


def test_a_wrong_value_is_one_sentence_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"WEIR_TASKS is wrong: .*greater than or equal to 1.*; correct it"):
        load_settings(tmp_path, tasks=0)


@pytest.mark.parametrize("name", ["RETENTION_DAYS", "SPARK_CONF"])
def test_a_value_that_is_not_json_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"WEIR_{name}", "x")
    with pytest.raises(SettingsError, match=rf"^The setting WEIR_{name} is wrong: it is not JSON; correct it in"):
        load_settings(tmp_path)
    monkeypatch.delenv(f"WEIR_{name}")
    (tmp_path / "weir.env").write_text(f"WEIR_{name}=x\n")
    with pytest.raises(SettingsError, match=rf"WEIR_{name} is wrong: it is not JSON"):
        load_settings(tmp_path)


def test_a_wrong_secret_is_not_printed(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, database_url="postgresql://weir:hunter2@db/weir", hash_key="hunter3")
    assert "hunter" not in repr(settings) + str(settings)


def test_the_home_decides_where_state_lies_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.lake_root == str(tmp_path / "lake")
    assert settings.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert load_settings(tmp_path, lake="s3://bucket/lake/").lake_root == "s3://bucket/lake"


def test_the_hash_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    key = hash_key(settings)
    assert len(key) >= 32
    assert hash_key(settings) == key
    assert (tmp_path / "home" / "hash.key").stat().st_mode & 0o077 == 0
    assert hash_key(load_settings(tmp_path / "home", hash_key="given")) == "given"


@pytest.mark.parametrize("content", [b"", b"ab", b" ", b"k" * 31, b"\xff\xfe" * 20])
@pytest.mark.parametrize(
    ("secret", "name"), [(hash_key, "hash.key"), (ui_token, "ui.token"), (signing_key, "signing.key")]
)
def test_a_secret_that_was_cut_off_is_refused(
    tmp_path: Path, secret: Callable[[Settings], str], name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SecretError, match=rf"/{name} .*delete it to have a new one made") as refused:
        secret(load_settings(tmp_path))
    assert refused.value.exit_code == 5 and (tmp_path / name).read_bytes() == content


def test_a_secret_whose_link_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signing.key").symlink_to(tmp_path / "gone")
    with pytest.raises(SecretError, match=r"/signing.key cannot be read \(No such file or directory\); restore it"):
        signing_key(load_settings(tmp_path))


def test_processes_that_start_together_share_a_secret(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    with ThreadPoolExecutor(16) as pool:
        tokens = set(pool.map(lambda _: ui_token(settings), range(64)))
    assert len(tokens) == 1 and len(tokens.pop()) == 64
    assert [path.name for path in settings.home.iterdir()] == ["ui.token"]
    assert (settings.home / "ui.token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"engine": "flink"}, "WEIR_ENGINE is wrong: the engine flink is not known: use sail, local"),
        ({"package_uri": "/build"}, "WEIR_PACKAGE_URI is wrong: it is no s3:// URI"),
        ({"emr_job_role_arn": "weir-jobs"}, "WEIR_EMR_JOB_ROLE_ARN is wrong"),
    ],
)
def test_settings_of_engines_are_refused_where_they_cannot_work(
    tmp_path: Path, values: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(tmp_path, **values)
