"""Reads the Terraform files of a folder, and prints each block as a line of JSON: its kind, its labels, its arguments."""

import json
import sys
from pathlib import Path

import hcl2

LABELS = {"resource": 2, "data": 2, "variable": 1, "output": 1}


def plain(value):
    """Without the quotes and the marks that python-hcl2 leaves in."""
    match value:
        case str() if len(value) > 1 and value[0] == value[-1] == '"':
            return value[1:-1]
        case list():
            return [plain(one) for one in value]
        case dict():
            return {plain(key): plain(one) for key, one in value.items() if not key.startswith("__")}
    return value


for path in sorted(Path(sys.argv[1]).glob("*.tf")):
    for kind, blocks in hcl2.loads(path.read_text()).items():
        for block in blocks if not kind.startswith("__") else []:
            labels, arguments = [], plain(block)
            for _ in range(LABELS.get(kind, 0)):
                [(label, arguments)] = arguments.items()
                labels.append(label)
            print(json.dumps([kind, labels, arguments]))
