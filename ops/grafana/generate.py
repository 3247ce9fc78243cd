"""Writes the dashboards as Grafana's JSON: `python ops/grafana/generate.py FOLDER`."""

import sys
from pathlib import Path

from boards import BOARDS
from panels import rendered


def main(folder: Path) -> None:
    for board in BOARDS:
        (folder / f"{board.name}.json").write_text(rendered(board))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
