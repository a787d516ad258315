"""The programming languages by their names, as prompts, fences and judges know them."""

from __future__ import annotations

from dataclasses import dataclass

from codelathe.core.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Language:
    """A programming language: its key, its name in prose, what else it is called."""

    key: str
    title: str
    aliases: tuple[str, ...] = ()


LANGUAGES: dict[str, Language] = {
    language.key: language
    for language in (
        Language("python", "Python", ("py", "python3")),
        Language("javascript", "JavaScript", ("js", "node", "nodejs")),
        Language("typescript", "TypeScript", ("ts",)),
        Language("java", "Java"),
        Language("c", "C"),
        Language("cpp", "C++", ("c++", "cxx", "cc")),
        Language("csharp", "C#", ("c#", "cs")),
        Language("go", "Go", ("golang",)),
        Language("rust", "Rust", ("rs",)),
        Language("kotlin", "Kotlin", ("kt",)),
        Language("swift", "Swift"),
        Language("ruby", "Ruby", ("rb",)),
        Language("php", "PHP"),
        Language("sql", "SQL"),
        Language("bash", "Bash", ("sh", "shell")),
    )
}

_BY_NAME = {name: key for key, lang in LANGUAGES.items() for name in (key, *lang.aliases)}


def parse_language(name: str) -> Language:
    """The language called `name`, in any case and by any of its names.

    Raises:
        UnknownName: no such language; the hint has the nearest names.
    """
    key = _BY_NAME.get(name.strip().lower())
    if key is None:
        raise UnknownName("language", name, LANGUAGES, field="language")
    return LANGUAGES[key]
