"""Parse programs with tree-sitter: `parse.py LANGUAGE FILE...`; the exit code is 1 on an error."""

import sys
from importlib import import_module
from pathlib import Path

from tree_sitter import Language, Parser

grammar = import_module(f"tree_sitter_{sys.argv[1]}")
parser = Parser(Language(grammar.language()))
for name in sys.argv[2:]:
    root = parser.parse(Path(name).read_bytes()).root_node
    if root.has_error:
        sys.exit(f"{name}: {root}")
