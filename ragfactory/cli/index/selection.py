"""Which indexes a command line means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragfactory.errors import IndexNotFoundError, UsageError

if TYPE_CHECKING:
    from ragfactory.config import Config
    from ragfactory.store.layout import IndexName

OnlyTenant = Annotated[
    str | None, typer.Option("--tenant", help="Only indexes of this tenant.", show_default="all tenants")
]
OnlyProject = Annotated[
    str | None, typer.Option("--project", help="Only indexes of projects of this name.", show_default="all projects")
]
OnlyType = Annotated[
    str | None, typer.Option("--type", help="Only indexes of this document type.", show_default="all types")
]
TheType = Annotated[
    str | None,
    typer.Option("--type", help="The document type of the index.", show_default="the only one of the project"),
]


def indexes_of_project(config: Config, document_type: str | None) -> list[IndexName]:
    """The indexes of the project, or the one of a type. Raises IndexNotFoundError when there is none."""
    from ragfactory.store.layout import find_indexes

    found = find_indexes(config.indexes, tenant=config.tenant, project=config.project, document_type=document_type)
    if not found:
        raise _no_index(config.tenant, config.project, document_type)
    return found


def the_index(config: Config, document_type: str | None) -> IndexName:
    """The one index that is meant. Raises IndexNotFoundError, or UsageError when there are several."""
    found = indexes_of_project(config, document_type)
    if len(found) > 1:
        types = ", ".join(name.document_type for name in found)
        raise UsageError(
            f"--type: one index expected, and {config.tenant}/{config.project} has {len(found)}",
            hint=f"choose one of {types}",
        )
    return found[0]


def narrowed(config: Config, tenant: str | None, project: str | None, document_type: str | None) -> list[IndexName]:
    """Every index of the home that has the names that were given. Raises IndexNotFoundError when some were and none has them."""
    from ragfactory.store.layout import find_indexes

    found = find_indexes(config.indexes, tenant=tenant, project=project, document_type=document_type)
    if not found and (tenant or project or document_type):
        raise _no_index(tenant or "*", project or "*", document_type or "*")
    return found


def _no_index(*names: str | None) -> IndexNotFoundError:
    return IndexNotFoundError(
        f"there is no index {'/'.join(filter(None, names))}", hint="`ragfactory index list` shows what there is"
    )
