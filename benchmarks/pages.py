"""The tables of a run, and their places in the documentation."""
from pathlib import Path
from report import Report
def tables(report: Report) -> str:
    import json
    return "\n".join([f"python {report.python} bare {report.bare_us:.1f} spread {report.spread}", *(f"{n:50} {v:10.2f} {report.ratios.get(n, 0):8.2f}" for n, v in report.figures.items())])
def fill_pages(root: Path, report: Report) -> None: ...
