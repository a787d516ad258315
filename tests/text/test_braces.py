from __future__ import annotations

import pytest

from codelathe.text.braces import closing_brace


@pytest.mark.parametrize(
    ("head", "text", "code"),
    [
        ("int f() {\n", "  return 1;\n}\nint main() {}", "  return 1;\n}"),
        ("int f() {\n", "  if (x) { y(); }\n}\n//", "  if (x) { y(); }\n}"),
        ("class S {\n int f() {\n", " return 1; }\n}\nclass T {}", " return 1; }\n}"),
        ("fn main(){}\nfn f() {\n", "1}\nrest", "1}"),
        ("f() {", 'puts("}"); }x', 'puts("}"); }'),
        ("f() {", "// }\n}x", "// }\n}"),
        ("f() {", "/* } */}x", "/* } */}"),
        ("f() {", "c = '}';}x", "c = '}';}"),
        ("f() {", r"c = '\'';}x", r"c = '\'';}"),
        ("fn f<'a>(x: &'a str) {", "x}x", "x}"),
        ("f() {", "`${a}`}x", "`${a}`}"),
    ],
)
def test_code_ends_where_the_blocks_of_its_head_are_closed(head: str, text: str, code: str) -> None:
    assert text[: closing_brace(head, text)] == code


@pytest.mark.parametrize(("head", "text"), [("f() {", "{}"), ("f();", "}"), ("", ""), ("{", '"}"')])
def test_code_that_is_not_closed_has_no_end(head: str, text: str) -> None:
    assert closing_brace(head, text) is None


def test_a_script_has_strings_in_single_quotes() -> None:
    assert closing_brace("f() {", "a = 'say }';}", "javascript") == len("a = 'say }';}")
