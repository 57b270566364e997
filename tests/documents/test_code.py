from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragfactory.documents.model import BlockKind
from ragfactory.errors import EmptyDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragfactory.documents.model import Document

    Reader = Callable[[str, str | bytes], Document]


def blocks(document: Document) -> list[str]:
    assert all(block.kind is BlockKind.CODE for block in document.blocks)
    return [document.text_of(block) for block in document.blocks]


def first_lines(document: Document) -> list[str]:
    return [block.split("\n")[0] for block in blocks(document)]


def test_python_definitions_with_their_comments(read_document: Reader) -> None:
    source = (
        "# licence\n\nimport os\n\nLIMIT = 1\n\n# about f\n@cache\ndef f():\n    return 1\ndef g(): return 2\n\n\n"
        'A = 1  # one\nB = 2\n\n\nclass C:\n    """Doc."""\n\n    def m(self):\n        pass\n'
    )
    assert blocks(read_document("a.py", source)) == [
        "# licence\n\nimport os\n\nLIMIT = 1",
        "# about f\n@cache\ndef f():\n    return 1",
        "def g(): return 2",
        "A = 1  # one\nB = 2",
        'class C:\n    """Doc."""\n\n    def m(self):\n        pass',
    ]


def test_a_long_class_gives_its_methods_with_their_indentation(read_document: Reader) -> None:
    methods = [f"    # about m{i}\n    def m{i}(self):\n" + "        x = 1\n" * 20 for i in range(4)]
    source = 'class Long:\n    """Doc."""\n\n    limit = 1\n\n' + "\n".join(methods)
    assert blocks(read_document("a.py", source)) == [
        'class Long:\n    """Doc."""\n\n    limit = 1',
        *(method.rstrip("\n") for method in methods),
    ]


@pytest.mark.parametrize(
    ("name", "source", "starts"),
    [
        (
            "a.js",
            "import x from 'x';\nconst a = 1;\n/** doc */\nexport function f() {\n}\nclass B {\n}\n",
            ["import x from 'x';", "/** doc */", "class B {"],
        ),
        ("a.jsx", "function F() {\n  return <b>x</b>;\n}\nfunction G() {\n}\n", ["function F() {", "function G() {"]),
        (
            "a.ts",
            "type A = string;\ninterface B {\n  c: A;\n}\nexport class D {\n}\n",
            ["type A = string;", "interface B {", "export class D {"],
        ),
        (
            "a.tsx",
            "const a = 1;\nexport default function F() {\n  return <b/>;\n}\n",
            ["const a = 1;", "export default function F() {"],
        ),
        (
            "A.java",
            "package a;\nimport b;\n\n/** doc */\nclass A {\n}\n\ninterface B {\n}\n",
            ["package a;", "/** doc */", "interface B {"],
        ),
        (
            "a.c",
            "#include <a.h>\nint x;\n\nint f(void) {\n  return 1;\n}\n\nstruct s {\n  int a;\n};\n",
            ["#include <a.h>", "int f(void) {", "struct s {"],
        ),
        (
            "a.cpp",
            "#include <a>\ntemplate <class T>\nclass A {\n};\nint f() {\n  return 1;\n}\n",
            ["#include <a>", "template <class T>", "int f() {"],
        ),
        (
            "a.cs",
            "using System;\n\n/// doc\npublic class A {\n}\npublic enum B { C }\n",
            ["using System;", "/// doc", "public enum B { C }"],
        ),
        (
            "a.go",
            'package a\n\nimport "b"\n\n// doc\nfunc f() {\n}\n\ntype T struct {\n}\n',
            ["package a", "// doc", "type T struct {"],
        ),
        (
            "a.rs",
            "use a;\n\n#[derive(Debug)]\nstruct A {\n}\n\nimpl A {\n    fn f() {}\n}\n",
            ["use a;", "#[derive(Debug)]", "impl A {"],
        ),
    ],
)
def test_each_language(read_document: Reader, name: str, source: str, starts: list[str]) -> None:
    document = read_document(name, source)
    assert first_lines(document) == starts
    assert "".join(document.text.split()) == "".join(source.split())


def test_a_header_guard_and_a_namespace_are_looked_into(read_document: Reader) -> None:
    functions = "".join(f"int f{i}() {{\n" + "  x();\n" * 30 + "}\n" for i in range(3))
    document = read_document("a.hpp", f"#ifndef A\n#define A\nnamespace n {{\nint x();\n{functions}}}\n#endif\n")
    assert first_lines(document) == ["#ifndef A", "namespace n {", "int f0() {", "int f1() {", "int f2() {"]


def test_without_a_grammar(read_document: Reader) -> None:
    document = read_document("a.sql", "SELECT *\n  FROM a\n\n  WHERE b;\n\nDELETE FROM c;\n")
    assert blocks(document) == ["SELECT *\n  FROM a\n\n  WHERE b;", "DELETE FROM c;"]


def test_source_that_does_not_parse_is_kept(read_document: Reader) -> None:
    source = "def f(:\n  ]]] %%\nclass\n"
    assert "".join(read_document("a.py", source).text.split()) == "".join(source.split())


def test_generated_code_is_one_block(read_document: Reader) -> None:
    assert len(blocks(read_document("a.min.js", "function f(){x()};" * 50_000))) == 1


def test_an_empty_file(read_document: Reader) -> None:
    with pytest.raises(EmptyDocumentError):
        read_document("__init__.py", "\n")
