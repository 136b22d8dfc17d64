"""The commands `weir features …`: the groups, the row of an entity, the request for SageMaker. Parses and shows."""

from __future__ import annotations

import json as json_text
from datetime import timedelta
from typing import Annotated, Any

import typer

from platform_assets.core.console import Home, console_of, settings_of, time_of

features_app = typer.Typer(
    help="The feature store: groups, the row of an entity now or at a time, the request for SageMaker.",
    invoke_without_command=True,
)
Group = Annotated[str, typer.Argument(help="infrastructure_metrics, security_analytics or cost_optimisation.")]


@features_app.callback()
def groups(context: typer.Context) -> None:
    """The feature store; without a command its groups."""
    from platform_assets.core.domain import feature_groups

    if context.invoked_subcommand is not None:
        return
    with console_of() as console:
        for group in feature_groups().values():
            console.print(
                f"{group.name}: {group.meaning} By {group.identifier.name}; counts for {_span(group.ttl)}.",
            )
            for feature in group.features:
                console.print(f"  {feature.name} ({feature.type}): {feature.meaning}")


@features_app.command()
def get(
    group: Group,
    entity: Annotated[str, typer.Argument(help="Identifier of the entity.")],
    at: Annotated[
        str | None,
        typer.Option("--at", help="Time, ISO 8601 (UTC); default: now, from the online store.", show_default=False),
    ] = None,
    home: Home = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """The row of an entity that counts now, or that counted at a time by what was known then.

    Example: weir features get infrastructure_metrics checkout
    """
    from platform_assets.core.domain import feature_group
    from platform_assets.feature_store import store
    from platform_assets.feature_store.groups import FeatureStoreError

    selected, asked_at = feature_group(group), time_of("--at", at)
    row = store.get(settings_of(home), selected, entity, asked_at)
    if row is None:
        raise FeatureStoreError(
            f"No row of {selected.name} counts for {entity} {'now' if asked_at is None else f'at {asked_at.isoformat()}'}; rows count "
            f"for {_span(selected.ttl)} from their event: check the name, or ingest newer ones."
        )
    values = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
    if json:
        print(json_text.dumps(values))
        return
    with console_of() as console:
        for name, value in values.items():
            console.print(f"{name}: {_as_text(value)}")


@features_app.command()
def sagemaker(
    group: Group,
    offline_uri: Annotated[
        str, typer.Option("--offline-uri", help="s3:// URI of the offline store; needs --role-arn.")
    ] = "",
    role_arn: Annotated[str, typer.Option("--role-arn", help="Role that SageMaker writes there as.")] = "",
) -> None:
    """The request that makes the group in SageMaker: `aws sagemaker create-feature-group --cli-input-json`.

    Example: weir features sagemaker infrastructure_metrics
    """
    from platform_assets.core.domain import feature_group
    from platform_assets.feature_store.sagemaker import create_feature_group

    print(json_text.dumps(create_feature_group(feature_group(group), offline_uri, role_arn), indent=2))


def _span(ttl: timedelta) -> str:
    return f"{ttl / timedelta(hours=1):g} h"


def _as_text(value: Any) -> str:
    return "null" if value is None else str(value)
