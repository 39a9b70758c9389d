"""What the columns of a table of groups mean, and what the table leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from celu_cli.analysis.group_rows import GroupRow


def notes_of(rows: Sequence[GroupRow]) -> Iterator[str]:
    """The notes that belong below `rows`, at least one; the first says what the mean is."""
    yield "mean over the n seeds that count, ± sample standard deviation"
    baseline = next((row.baseline for row in rows if row.baseline), None)
    points = "" if rows[0].metric.endswith("loss") else ", in percentage points"
    if any(row.published is not None for row in rows):
        yield f"points: mean minus the published value of the same epoch{points}"
    if baseline:
        pairs = ", over the seeds that both have" if any(row.paired for row in rows) else ""
        yield f"difference: mean minus that of {baseline}{points}{pairs}; Holm: p corrected for the number of rows"
    if baseline and len({row.dataset for row in rows}) > 1:
        yield "datasets differ, so differences are between results on different test images"
    if rows[0].metric.startswith("best-test"):
        yield "best test: the epoch was chosen by looking at the test images, which flatters every row"
    if any(row.left_out for row in rows):
        yield "left out: not in the statistics; of a repeated seed the newest run counts"
    if any("failed" in row.left_out for row in rows):
        yield "runs that failed are left out, so the means describe only trainings that worked"
