"""Licences by their texts, and SPDX expressions against what is accepted."""

from __future__ import annotations

import pytest

from codelathe.training.repository.licences import Licences, allowed, is_licence_file, recognised


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Permission is hereby granted, free of charge, to ... without restriction", "MIT"),
        ("  Apache License\n  Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991", "GPL-2.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1", "LGPL-2.1"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0"),
        ("Mozilla Public License Version 2.0", "MPL-2.0"),
        ("Redistribution and use in source and binary forms. Neither the name", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        ("Permission to use, copy, modify, and/or distribute this ... provided that the", "ISC"),
        ("You may look at it on Sundays.", "unknown"),
    ],
)  # fmt: skip
def test_a_licence_is_known_by_its_text(text: str, name: str) -> None:
    assert recognised(text) == name


@pytest.mark.parametrize(
    ("expression", "names", "answer"),
    [
        ("MIT", ["mit"], True),
        ("MIT OR GPL-3.0", ["MIT"], True),
        ("MIT AND GPL-3.0", ["MIT"], False),
        ("MIT AND GPL-3.0", ["MIT", "GPL-3.0"], True),
        ("(MIT OR Apache-2.0) AND GPL-2.0", ["MIT"], False),
        ("(MIT OR Apache-2.0)", ["Apache-2.0"], True),
        ("GPL-3.0-or-later", ["GPL-3.0"], True),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"], True),
        ("none", ["MIT"], False),
        ("none", ["none"], True),
        ("unknown", ["none"], False),
    ],
)
def test_an_expression_is_allowed_where_one_way_through_it_is(
    expression: str, names: list[str], answer: bool
) -> None:
    assert allowed(expression, names) is answer


def test_an_spdx_line_counts_more_than_the_licence_file() -> None:
    licences = Licences([("LICENSE", "Apache License, Version 2.0")])
    assert (
        licences.of("a.c", "/* SPDX-License-Identifier: BSD-2-Clause */\nint x;") == "BSD-2-Clause"
    )
    assert licences.of("a.c", "int x;") == "Apache-2.0"


def test_two_licence_files_side_by_side_leave_the_choice() -> None:
    files = [("LICENSE-MIT", "free of charge: permission is hereby granted, free of charge, "
              "without restriction"), ("LICENSE-APACHE", "Apache License Version 2.0")]  # fmt: skip
    assert Licences(files).of("src/a.rs", "") == "Apache-2.0 OR MIT"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("LICENSE", True),
        ("a/LICENCE.txt", True),
        ("COPYING", True),
        ("licence.py", False),
        ("a.md", False),
    ],
)
def test_a_licence_file_is_known_by_its_name(path: str, answer: bool) -> None:
    assert is_licence_file(path) is answer
