"""Where weights and data sets come from, and where they are kept."""

from codelathe.store.catalogue import ENCODER, Catalogue, Entry, Format
from codelathe.store.folders import Folders, home
from codelathe.store.model import LocalModel, engines_for
from codelathe.store.progress import Progress, Silent
from codelathe.store.store import Listed, Store, not_installed

__all__ = [
    "ENCODER",
    "Catalogue",
    "Entry",
    "Folders",
    "Format",
    "Listed",
    "LocalModel",
    "Progress",
    "Silent",
    "Store",
    "engines_for",
    "home",
    "not_installed",
]
