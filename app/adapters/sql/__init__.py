"""The catalog and the keyword index, over SQLModel."""

from app.adapters.sql.catalog import SqlCatalog
from app.adapters.sql.keyword import SqlKeywordIndex

__all__ = ["SqlCatalog", "SqlKeywordIndex"]
