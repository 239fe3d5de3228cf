"""Reading a project: kpi.toml, the environment, and the texts of its definitions."""

from kpi_engine.project.config import find_project, load_config, read_config
from kpi_engine.project.definitions import definition_files, read_definitions
from kpi_engine.project.files import read_text
from kpi_engine.project.settings import ProjectConfig

__all__ = [
    "ProjectConfig",
    "definition_files",
    "find_project",
    "load_config",
    "read_config",
    "read_definitions",
    "read_text",
]
