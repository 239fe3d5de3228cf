"""The state store on disk: labelled records of bytes, kept safely. It knows nothing of what they mean."""

from kpi_engine.store.folder_store import FolderStore

__all__ = ["FolderStore"]
